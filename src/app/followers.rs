//! Those who follow what happens for as long as they like. A server that stops does not wait for them: it lets them go.

use tokio::sync::watch;

use super::registry::App;

/// Whether followers have been let go.
#[derive(Debug, Default)]
pub(super) struct Followers(watch::Sender<bool>);

impl App {
    /// Ends what is followed, now and from now on.
    pub fn let_followers_go(&self) {
        self.followers.0.send_replace(true);
    }

    /// Waits until [`App::let_followers_go`]; no longer, if that has been.
    pub fn followers_are_let_go(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut gone = self.followers.0.subscribe();
        async move {
            let _or_the_app_is_gone = gone.wait_for(|gone| *gone).await;
        }
    }
}
