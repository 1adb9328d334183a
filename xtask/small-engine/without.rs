#[async_trait::async_trait]
trait Adapter: Send + Sync {
    async fn current(&self) -> Result<serde_json::Value, serde_json::Error>;
}

struct Fixed(String);

#[async_trait::async_trait]
impl Adapter for Fixed {
    async fn current(&self) -> Result<serde_json::Value, serde_json::Error> {
        serde_json::from_str(&self.0)
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let adapter: Box<dyn Adapter> = Box::new(Fixed(std::env::args().collect()));
    println!("{:?}", adapter.current().await);
}
