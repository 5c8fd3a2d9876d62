//! Live updates: what changes is told to every front end that listens.

use std::time::Duration;

use futures::Stream;
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

use crate::api::types::Event;

/// How many events a slow reader may be behind before it is told to read everything again.
const BACKLOG: usize = 256;

/// How long a stream stays silent at most.
const PING: Duration = Duration::from_secs(15);

/// Where events go.
#[derive(Debug, Clone)]
pub(crate) struct Updates {
    sender: broadcast::Sender<Event>,
    ending: CancellationToken,
}

impl Updates {
    /// Updates until `ending`.
    pub(crate) fn new(ending: CancellationToken) -> Self {
        Self { sender: broadcast::channel(BACKLOG).0, ending }
    }

    /// Tells everybody who listens.
    pub(crate) fn tell(&self, event: Event) {
        // An error only says that nobody listens.
        let _ = self.sender.send(event);
    }

    /// Everything from now on. A reader that falls behind gets `Resync` in place of what it missed, so it never holds
    /// memory up, nor anybody else.
    pub(crate) fn watch(&self) -> impl Stream<Item = Event> + Send + use<> {
        self.watch_with(PING)
    }

    fn watch_with(&self, ping: Duration) -> impl Stream<Item = Event> + Send + use<> {
        let receiver = self.sender.subscribe();
        let start = (Some(Event::Hello), receiver, self.ending.clone());
        futures::stream::unfold(start, move |(first, mut receiver, ending)| async move {
            let event = match first {
                Some(event) => event,
                None => tokio::select! {
                    () = ending.cancelled() => return None,
                    received = tokio::time::timeout(ping, receiver.recv()) => match received {
                        Err(_) => Event::Ping,
                        Ok(Ok(event)) => event,
                        Ok(Err(broadcast::error::RecvError::Lagged(_))) => Event::Resync,
                        Ok(Err(broadcast::error::RecvError::Closed)) => return None,
                    },
                },
            };
            Some((event, (None, receiver, ending)))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::StreamExt as _;

    fn removed(number: usize) -> Event {
        Event::GrainRemoved { grain_id: number.to_string() }
    }

    #[tokio::test]
    async fn a_stream_begins_with_hello_pings_and_ends() {
        let ending = CancellationToken::new();
        let updates = Updates::new(ending.clone());
        let mut stream = std::pin::pin!(updates.watch_with(Duration::from_millis(1)));
        assert!(matches!(stream.next().await, Some(Event::Hello)));
        assert!(matches!(stream.next().await, Some(Event::Ping)));
        updates.tell(removed(1));
        while let Some(Event::Ping) = stream.next().await {}
        ending.cancel();
        while let Some(event) = stream.next().await {
            assert!(matches!(event, Event::Ping));
        }
    }

    #[tokio::test]
    async fn a_slow_reader_is_told_to_read_again_and_goes_on() {
        let updates = Updates::new(CancellationToken::new());
        let mut stream = std::pin::pin!(updates.watch());
        assert!(matches!(stream.next().await, Some(Event::Hello)));
        for number in 0..10 * BACKLOG {
            updates.tell(removed(number));
        }
        assert!(matches!(stream.next().await, Some(Event::Resync)));
        for number in 9 * BACKLOG..10 * BACKLOG {
            let event = stream.next().await;
            assert!(matches!(&event, Some(Event::GrainRemoved { grain_id }) if *grain_id == number.to_string()));
        }
    }
}
