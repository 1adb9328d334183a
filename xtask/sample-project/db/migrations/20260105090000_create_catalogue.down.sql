DROP TABLE purchase;
DROP TABLE product;
