//! Sessions answered by an app's `WebSession`.

use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use granary_wire::vat::Vat;
use http::{Request, Response};

use crate::body::Body;
use crate::web::{self, SessionOpener, WebSettings, WebTarget};

use super::answer::Answer;
use super::sessions::MakeAnswer;

struct WebAnswer(Arc<WebTarget>);

/// Makes answers that come from apps on `vat`.
pub(crate) fn answers(vat: Vat, settings: WebSettings) -> MakeAnswer {
    Box::new(move |authority: &str, opener: Arc<dyn SessionOpener>| {
        let target = WebTarget::new(vat.clone(), opener, format!("https://{authority}"), settings.clone());
        Arc::new(WebAnswer(target))
    })
}

impl Answer for WebAnswer {
    fn answer(&self, request: Request<axum::body::Body>) -> BoxFuture<'static, Response<Body>> {
        let target = Arc::clone(&self.0);
        async move { web::forward(&target, request).await }.boxed()
    }

    fn rest(&self) {
        self.0.rest();
    }

    fn end(&self) {
        self.0.close();
    }
}
