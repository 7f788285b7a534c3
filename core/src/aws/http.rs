use aws_sdk_lambda::config::{HttpClient, RuntimeComponents, SharedHttpClient};
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;

/// The HTTP client of an account: TLS where the URL says so, and set up by the first request that needs it.
///
/// Reading the machine's certificates takes longer than all else that a cold process does before its first call, and
/// the SDK's own client does it when a client is made, once for each, even for the metadata service and
/// for local endpoints, which speak plain HTTP.
pub(super) fn http_client() -> SharedHttpClient {
    let client = || Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring));
    // Of the same type as the other: a client that knows no TLS at all would be a second HTTP stack in the library.
    let nobody = TlsContext::builder().with_trust_store(TrustStore::empty());
    let nobody = nobody.build().expect("it trusts nobody, which cannot be wrong");
    SharedHttpClient::new(ByScheme {
        plain: client().tls_context(nobody).build_https(),
        tls: client().build_https(),
    })
}

#[derive(Debug, Clone)]
struct ByScheme {
    plain: SharedHttpClient,
    tls: SharedHttpClient,
}

impl HttpClient for ByScheme {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(Connector {
            client: self.clone(),
            settings: settings.clone(),
            components: components.clone(),
        })
    }
}

/// One client with what it takes to get a connector from it. The clients keep theirs, and their connections.
#[derive(Debug)]
struct Connector {
    client: ByScheme,
    settings: HttpConnectorSettings,
    components: RuntimeComponents,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let plain = request.uri().starts_with("http://");
        let client = if plain { &self.client.plain } else { &self.client.tls };
        client.http_connector(&self.settings, &self.components).call(request)
    }
}
