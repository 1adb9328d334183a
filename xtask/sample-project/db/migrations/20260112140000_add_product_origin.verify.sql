SELECT EXISTS (
    SELECT FROM information_schema.columns
    WHERE table_name = 'product' AND column_name = 'origin'
);
