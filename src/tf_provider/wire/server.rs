//! The provider as a gRPC service: one function per call of the protocol, whose work is in `calls`.
use std::{pin::Pin, sync::Arc};

use tokio_stream::Stream;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

use super::{
    calls::{data_source, ephemeral, function, provider, resource},
    catalog::Catalog,
    runner::{Call, Runner},
    tfplugin5::{self as pb, provider_server},
};
use crate::tf_provider::Provider;

/// The service.
pub(super) struct Server {
    runner: Runner,
    outlives_stop: bool,
}

impl Server {
    /// Calls are cancelled at the `end`. `outlives_stop`: serve the next Terraform after one was stopped.
    pub(super) fn new(provider: Arc<dyn Provider>, end: CancellationToken, outlives_stop: bool) -> Self {
        Self {
            runner: Runner::new(Catalog::new(provider), end),
            outlives_stop,
        }
    }
}

type Answer<T> = Result<Response<T>, Status>;
type Events<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

fn not_served<T>(what: &str) -> Answer<T> {
    Err(Status::unimplemented(format!("this provider has no {what}")))
}

#[tonic::async_trait]
impl provider_server::Provider for Server {
    async fn get_metadata(
        &self,
        _: Request<pb::get_metadata::Request>,
    ) -> Answer<pb::get_metadata::Response> {
        Ok(Response::new(provider::metadata(&self.runner.catalog)))
    }

    async fn get_schema(
        &self,
        request: Request<pb::get_provider_schema::Request>,
    ) -> Answer<pb::get_provider_schema::Response> {
        let call = Call::new("GetProviderSchema", "");
        let (answer, diagnostics) = self
            .runner
            .run(call, provider::schema, request.into_inner())
            .await;
        Ok(Response::new(pb::get_provider_schema::Response {
            diagnostics,
            ..answer.unwrap_or_default()
        }))
    }

    async fn prepare_provider_config(
        &self,
        request: Request<pb::prepare_provider_config::Request>,
    ) -> Answer<pb::prepare_provider_config::Response> {
        let config = request.into_inner().config;
        let call = Call::new("PrepareProviderConfig", "");
        let (_, diagnostics) = self.runner.run(call, provider::validate, config.clone()).await;
        Ok(Response::new(pb::prepare_provider_config::Response {
            prepared_config: config,
            diagnostics,
        }))
    }

    async fn configure(&self, request: Request<pb::configure::Request>) -> Answer<pb::configure::Response> {
        let request = request.into_inner();
        self.runner.set_terraform_version(&request.terraform_version);
        if self.outlives_stop {
            self.runner.forget_stop();
        }
        let (_, diagnostics) = self
            .runner
            .run(Call::new("Configure", ""), provider::configure, request)
            .await;
        Ok(Response::new(pb::configure::Response { diagnostics }))
    }

    async fn stop(&self, _: Request<pb::stop::Request>) -> Answer<pb::stop::Response> {
        tracing::info!("Terraform asks to stop: running steps are finished, no new ones begin");
        self.runner.stop();
        Ok(Response::new(pb::stop::Response::default()))
    }

    async fn validate_resource_type_config(
        &self,
        request: Request<pb::validate_resource_type_config::Request>,
    ) -> Answer<pb::validate_resource_type_config::Response> {
        let request = request.into_inner();
        let type_name = request.type_name.clone();
        let write_only_allowed = request
            .client_capabilities
            .is_some_and(|client| client.write_only_attributes_allowed);
        let call = Call {
            write_only_allowed,
            ..Call::new("ValidateResourceTypeConfig", &type_name)
        };
        let (_, diagnostics) = self.runner.run(call, resource::validate, request).await;
        Ok(Response::new(pb::validate_resource_type_config::Response {
            diagnostics,
        }))
    }

    async fn upgrade_resource_state(
        &self,
        request: Request<pb::upgrade_resource_state::Request>,
    ) -> Answer<pb::upgrade_resource_state::Response> {
        let request = request.into_inner();
        let type_name = request.type_name.clone();
        let call = Call::new("UpgradeResourceState", &type_name);
        let (state, diagnostics) = self.runner.run(call, resource::upgrade, request).await;
        Ok(Response::new(pb::upgrade_resource_state::Response {
            upgraded_state: state.flatten(),
            diagnostics,
        }))
    }

    async fn read_resource(
        &self,
        request: Request<pb::read_resource::Request>,
    ) -> Answer<pb::read_resource::Response> {
        let request = request.into_inner();
        let unchanged = pb::read_resource::Response {
            new_state: request.current_state.clone(),
            private: request.private.clone(),
            ..Default::default()
        };
        let type_name = request.type_name.clone();
        let call = Call::new("ReadResource", &type_name);
        let (answer, diagnostics) = self.runner.run(call, resource::read, request).await;
        Ok(Response::new(pb::read_resource::Response {
            diagnostics,
            ..answer.unwrap_or(unchanged)
        }))
    }

    async fn plan_resource_change(
        &self,
        request: Request<pb::plan_resource_change::Request>,
    ) -> Answer<pb::plan_resource_change::Response> {
        let request = request.into_inner();
        let unchanged = pb::plan_resource_change::Response {
            planned_state: request.prior_state.clone(),
            planned_private: request.prior_private.clone(),
            ..Default::default()
        };
        let type_name = request.type_name.clone();
        let call = Call::new("PlanResourceChange", &type_name);
        let (answer, diagnostics) = self.runner.run(call, resource::plan, request).await;
        Ok(Response::new(pb::plan_resource_change::Response {
            diagnostics,
            ..answer.unwrap_or(unchanged)
        }))
    }

    async fn apply_resource_change(
        &self,
        request: Request<pb::apply_resource_change::Request>,
    ) -> Answer<pb::apply_resource_change::Response> {
        let request = request.into_inner();
        let unchanged = pb::apply_resource_change::Response {
            new_state: request.prior_state.clone(),
            private: request.planned_private.clone(),
            ..Default::default()
        };
        let type_name = request.type_name.clone();
        let call = Call::new("ApplyResourceChange", &type_name);
        let (answer, diagnostics) = self.runner.run(call, resource::apply, request).await;
        Ok(Response::new(pb::apply_resource_change::Response {
            diagnostics,
            ..answer.unwrap_or(unchanged)
        }))
    }

    async fn import_resource_state(
        &self,
        request: Request<pb::import_resource_state::Request>,
    ) -> Answer<pb::import_resource_state::Response> {
        let request = request.into_inner();
        let type_name = request.type_name.clone();
        let call = Call::new("ImportResourceState", &type_name);
        let (imported, diagnostics) = self.runner.run(call, resource::import, request).await;
        let imported_resources = imported.unwrap_or_default();
        Ok(Response::new(pb::import_resource_state::Response {
            imported_resources,
            diagnostics,
            deferred: None,
        }))
    }

    async fn validate_data_source_config(
        &self,
        request: Request<pb::validate_data_source_config::Request>,
    ) -> Answer<pb::validate_data_source_config::Response> {
        let request = request.into_inner();
        let type_name = request.type_name.clone();
        let call = Call::new("ValidateDataSourceConfig", &type_name);
        let (_, diagnostics) = self.runner.run(call, data_source::validate, request).await;
        Ok(Response::new(pb::validate_data_source_config::Response {
            diagnostics,
        }))
    }

    async fn read_data_source(
        &self,
        request: Request<pb::read_data_source::Request>,
    ) -> Answer<pb::read_data_source::Response> {
        let request = request.into_inner();
        let type_name = request.type_name.clone();
        let call = Call::new("ReadDataSource", &type_name);
        let (state, diagnostics) = self.runner.run(call, data_source::read, request).await;
        Ok(Response::new(pb::read_data_source::Response {
            state: state.flatten(),
            diagnostics,
            deferred: None,
        }))
    }

    async fn validate_ephemeral_resource_config(
        &self,
        request: Request<pb::validate_ephemeral_resource_config::Request>,
    ) -> Answer<pb::validate_ephemeral_resource_config::Response> {
        let request = request.into_inner();
        let type_name = request.type_name.clone();
        let call = Call::new("ValidateEphemeralResourceConfig", &type_name);
        let (_, diagnostics) = self.runner.run(call, ephemeral::validate, request).await;
        Ok(Response::new(pb::validate_ephemeral_resource_config::Response {
            diagnostics,
        }))
    }

    async fn open_ephemeral_resource(
        &self,
        request: Request<pb::open_ephemeral_resource::Request>,
    ) -> Answer<pb::open_ephemeral_resource::Response> {
        let request = request.into_inner();
        let type_name = request.type_name.clone();
        let call = Call::new("OpenEphemeralResource", &type_name);
        let (answer, diagnostics) = self.runner.run(call, ephemeral::open, request).await;
        Ok(Response::new(pb::open_ephemeral_resource::Response {
            diagnostics,
            ..answer.unwrap_or_default()
        }))
    }

    async fn renew_ephemeral_resource(
        &self,
        request: Request<pb::renew_ephemeral_resource::Request>,
    ) -> Answer<pb::renew_ephemeral_resource::Response> {
        let request = request.into_inner();
        let type_name = request.type_name.clone();
        let call = Call::new("RenewEphemeralResource", &type_name);
        let (answer, diagnostics) = self.runner.run(call, ephemeral::renew, request).await;
        Ok(Response::new(pb::renew_ephemeral_resource::Response {
            diagnostics,
            ..answer.unwrap_or_default()
        }))
    }

    async fn close_ephemeral_resource(
        &self,
        request: Request<pb::close_ephemeral_resource::Request>,
    ) -> Answer<pb::close_ephemeral_resource::Response> {
        let request = request.into_inner();
        let type_name = request.type_name.clone();
        let call = Call::new("CloseEphemeralResource", &type_name);
        let (_, diagnostics) = self.runner.run(call, ephemeral::close, request).await;
        Ok(Response::new(pb::close_ephemeral_resource::Response {
            diagnostics,
        }))
    }

    async fn get_functions(
        &self,
        _: Request<pb::get_functions::Request>,
    ) -> Answer<pb::get_functions::Response> {
        let functions = provider::functions(&self.runner.catalog);
        Ok(Response::new(pb::get_functions::Response {
            functions,
            diagnostics: Vec::new(),
        }))
    }

    async fn call_function(
        &self,
        request: Request<pb::call_function::Request>,
    ) -> Answer<pb::call_function::Response> {
        let request = request.into_inner();
        let name = request.name.clone();
        let (answer, diagnostics) = self
            .runner
            .run(Call::new("CallFunction", &name), function::call, request)
            .await;
        // This answer has no diagnostics: an error is one text.
        let failed = || {
            let text = diagnostics
                .iter()
                .map(|diagnostic| diagnostic.detail.as_str())
                .collect::<Vec<_>>()
                .join(" ");
            let error = Some(pb::FunctionError {
                text,
                function_argument: None,
            });
            pb::call_function::Response { result: None, error }
        };
        Ok(Response::new(answer.unwrap_or_else(failed)))
    }

    async fn get_resource_identity_schemas(
        &self,
        _: Request<pb::get_resource_identity_schemas::Request>,
    ) -> Answer<pb::get_resource_identity_schemas::Response> {
        Ok(Response::new(
            pb::get_resource_identity_schemas::Response::default(),
        ))
    }

    async fn upgrade_resource_identity(
        &self,
        _: Request<pb::upgrade_resource_identity::Request>,
    ) -> Answer<pb::upgrade_resource_identity::Response> {
        not_served("resource identity")
    }

    async fn move_resource_state(
        &self,
        _: Request<pb::move_resource_state::Request>,
    ) -> Answer<pb::move_resource_state::Response> {
        not_served("state of other types to move")
    }

    async fn generate_resource_config(
        &self,
        _: Request<pb::generate_resource_config::Request>,
    ) -> Answer<pb::generate_resource_config::Response> {
        not_served("generated configuration")
    }

    type ListResourceStream = Events<pb::list_resource::Event>;

    async fn list_resource(
        &self,
        _: Request<pb::list_resource::Request>,
    ) -> Answer<Self::ListResourceStream> {
        not_served("list resources")
    }

    async fn validate_list_resource_config(
        &self,
        _: Request<pb::validate_list_resource_config::Request>,
    ) -> Answer<pb::validate_list_resource_config::Response> {
        not_served("list resources")
    }

    async fn plan_action(&self, _: Request<pb::plan_action::Request>) -> Answer<pb::plan_action::Response> {
        not_served("actions")
    }

    type InvokeActionStream = Events<pb::invoke_action::Event>;

    async fn invoke_action(
        &self,
        _: Request<pb::invoke_action::Request>,
    ) -> Answer<Self::InvokeActionStream> {
        not_served("actions")
    }

    async fn validate_action_config(
        &self,
        _: Request<pb::validate_action_config::Request>,
    ) -> Answer<pb::validate_action_config::Response> {
        not_served("actions")
    }
}
