DROP INDEX purchase_product_id_idx;
