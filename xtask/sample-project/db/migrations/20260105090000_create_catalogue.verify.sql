SELECT count(*) = 3 FROM product;
