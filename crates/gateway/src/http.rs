//! Metrics and health over HTTP, on an address of their own and in a thread of its own: a slow reader of metrics is
//! nobody's neighbour.

use crate::error::GatewayError;
use crate::metrics::Metrics;
use crate::report::Report;
use crate::worker::{Phase, Shared};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tenantry_core::RouteTable;
use tokio::sync::{Mutex, Semaphore, watch};

/// Connections at once. One more waits in the kernel's queue.
const MAX_CONNECTIONS: usize = 16;
/// How long a connection may last, whatever it does: scrapers come back.
const LONGEST: Duration = Duration::from_secs(30);
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);

/// What the pages are made from.
#[derive(Debug)]
pub(crate) struct Endpoint {
    pub(crate) shared: Arc<Shared>,
    pub(crate) routes: watch::Receiver<Arc<RouteTable>>,
    pub(crate) phase: watch::Receiver<Phase>,
    /// One page at a time, so that scrapers do not multiply the work.
    pub(crate) metrics: Mutex<Metrics>,
}

impl Endpoint {
    /// Listens, and serves until the gateway is closed. Through a drain it says that it drains.
    pub(crate) fn start(self, addr: SocketAddr) -> Result<(SocketAddr, JoinHandle<()>), GatewayError> {
        let refused = |source| GatewayError::Listen { addr, source };
        let listener = TcpListener::bind(addr).map_err(refused)?;
        listener.set_nonblocking(true).map_err(refused)?;
        let addr = listener.local_addr().map_err(refused)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(GatewayError::Worker)?;
        let thread = std::thread::Builder::new()
            .name("gateway-metrics".into())
            .spawn(move || runtime.block_on(Arc::new(self).serve(listener)))
            .map_err(GatewayError::Worker)?;
        Ok((addr, thread))
    }

    async fn serve(self: Arc<Self>, listener: TcpListener) {
        let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
        let mut phase = self.phase.clone();
        tokio::select! {
            _ = phase.wait_for(|phase| *phase == Phase::Closed) => {}
            () = self.accept(listener) => {}
        }
    }

    async fn accept(self: &Arc<Self>, listener: tokio::net::TcpListener) {
        let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        let mut connections = tokio::task::JoinSet::new();
        loop {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
            while connections.try_join_next().is_some() {}
            let stream = match listener.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "can't accept a connection for metrics");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            };
            let endpoint = Arc::clone(self);
            connections.spawn(async move {
                let serve = service_fn(move |request| {
                    let endpoint = Arc::clone(&endpoint);
                    async move { Ok::<_, Infallible>(endpoint.answer(&request).await) }
                });
                let connection = hyper::server::conn::http1::Builder::new()
                    .timer(TokioTimer::new())
                    .header_read_timeout(HEADER_TIMEOUT)
                    .serve_connection(TokioIo::new(stream), serve);
                // A scraper that breaks off is its own problem.
                let _served = tokio::time::timeout(LONGEST, connection).await;
                drop(place);
            });
        }
    }

    async fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return page(StatusCode::METHOD_NOT_ALLOWED, TEXT, "only GET is answered here\n".into());
        }
        match request.uri().path() {
            "/metrics" => {
                let report = Report::of(&self.shared).await;
                let routes = Arc::clone(&self.routes.borrow());
                let phase = *self.phase.borrow();
                let text = self.metrics.lock().await.page(&self.shared, &routes, phase, &report);
                page(StatusCode::OK, PROMETHEUS, text)
            }
            // Alive: every worker answers. What does not is stuck, and a restart helps.
            "/healthz" => {
                let report = Report::of(&self.shared).await;
                health(report.is_alive(*self.phase.borrow()), "alive", "a worker does not answer")
            }
            // Ready: a new client would be served. Databases that can't be reached are their tenants' trouble alone.
            "/readyz" => {
                let serving = *self.phase.borrow() == Phase::Serving;
                let paused = self.shared.pauses.everything();
                health(serving && !paused, "ready", if paused { "paused" } else { "draining" })
            }
            _ => page(StatusCode::NOT_FOUND, TEXT, "there are /metrics, /healthz and /readyz\n".into()),
        }
    }
}

const TEXT: &str = "text/plain; charset=utf-8";
const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";

fn health(good: bool, word: &str, otherwise: &str) -> Response<Full<Bytes>> {
    let status = if good { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    page(status, TEXT, format!("{}\n", if good { word } else { otherwise }))
}

fn page(status: StatusCode, kind: &'static str, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
