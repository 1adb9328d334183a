CREATE TABLE product (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    price_cents integer NOT NULL CHECK (price_cents >= 0)
);

CREATE TABLE purchase (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    product_id bigint NOT NULL REFERENCES product (id),
    bought_at timestamptz NOT NULL DEFAULT now()
);

INSERT INTO product (name, price_cents) VALUES
    ('Strawberry jam', 450),
    ('Apricot jam', 420),
    ('Plum jam', 390);
