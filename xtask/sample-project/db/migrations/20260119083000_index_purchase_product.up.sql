CREATE INDEX CONCURRENTLY purchase_product_id_idx ON purchase (product_id);
