use fraisier_adapter_api::{AdapterCtx, MigrationAdapter, Revision};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let adapter = fraisier_adapter_confiture::ConfitureMigration::new();
    let adapter: Box<dyn MigrationAdapter> = Box::new(adapter);
    let ctx = AdapterCtx::new("shop", "production").with_env_secret("DATABASE_URL", "SHOP_DSN");
    println!("{:?}", adapter.describe().await);
    println!("{:?}", adapter.current_revision(&ctx).await);
    println!("{:?}", adapter.preflight(&ctx).await);
    println!("{:?}", adapter.up(&ctx, None).await);
    println!("{:?}", adapter.verify(&ctx).await);
    println!("{:?}", adapter.down_to(&ctx, Revision::from("001")).await);
}
