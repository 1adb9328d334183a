ALTER TABLE product ADD COLUMN origin text;
COMMENT ON COLUMN product.origin IS 'Where the fruit was grown; null when unknown.';
