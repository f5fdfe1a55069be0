//! The provider's process: settings from the environment, logs, and the plugin server.
use std::process::ExitCode;

use terraform_provider_ha::{
    provider::Ha,
    remote::Pool,
    tf_provider::{self, Settings, hclog},
};

#[tokio::main]
async fn main() -> ExitCode {
    let settings = Settings::from_env("ha");
    hclog::init(&settings);
    match tf_provider::serve(Ha::new(Pool::new()), settings).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            #[expect(
                clippy::print_stderr,
                reason = "a person who starts the program by hand reads it there"
            )]
            {
                eprintln!("{error}");
            }
            ExitCode::FAILURE
        }
    }
}
