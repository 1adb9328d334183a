ALTER TABLE product DROP COLUMN origin;
