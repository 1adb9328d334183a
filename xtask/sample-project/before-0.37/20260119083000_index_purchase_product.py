"""Index the purchases by product without blocking writers."""

from confiture.models.migration import Migration


class IndexPurchaseProduct(Migration):
    version = "20260119083000"
    name = "index_purchase_product"
    transactional = False

    def up(self):
        self.execute(
            "CREATE INDEX CONCURRENTLY purchase_product_id_idx ON purchase (product_id)"
        )

    def down(self):
        self.execute("DROP INDEX purchase_product_id_idx")
