SELECT indisvalid FROM pg_index WHERE indexrelid = 'purchase_product_id_idx'::regclass;
