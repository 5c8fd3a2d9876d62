//! What happened while nobody looked: written down once, told at once, gone when it was read long enough ago.

use std::collections::BTreeSet;

use granary_store::NewNotification;
use hyper::StatusCode;

use crate::api::problem::{Problem, Result};
use crate::api::types::{Event, Notification, Notifications, ReadNotifications, Unread};
use crate::core::{Core, now};
use crate::health::{Entry, Severity, Subject};

/// Problems of this computer that were told of: they are told again only after they were gone.
const KNOWN: &str = "known-problems";

impl Core {
    pub(crate) async fn notifications(&self) -> Result<Notifications> {
        let (unread, all) = self
            .db(|store| {
                Ok(store.read(|r| Ok::<_, granary_store::Error>((r.unread_notifications()?, r.notifications()?)))?)
            })
            .await?;
        Ok(Notifications { unread, notifications: all.into_iter().map(shown).collect() })
    }

    /// Writes down that something happened, and tells it.
    pub(crate) async fn remember(&self, what: NewNotification) {
        let code = what.code.clone();
        let written = self.db(move |store| {
            Ok(store.write(|w| Ok::<_, granary_store::Error>((w.notify(&what, now())?, w.unread_notifications()?)))?)
        });
        match written.await {
            Ok((notification, unread)) => {
                self.updates.tell(Event::Notification { notification: shown(notification), unread });
            }
            Err(problem) => tracing::warn!(code, %problem, "a notification was not written down"),
        }
    }

    /// Writes down an entry of the health registry that is news.
    pub(crate) async fn remember_entry(&self, subject: &Subject, entry: &Entry) {
        if *subject == Subject::Appliance {
            let (code, ok) = (entry.code.clone(), entry.ok);
            let news = self.db(move |store| {
                Ok(store.write(|w| {
                    let mut known: BTreeSet<String> = w.setting(KNOWN)?.unwrap_or_default();
                    let news = if ok { known.remove(&code) } else { known.insert(code) };
                    if news {
                        w.set_setting(KNOWN, &known)?;
                    }
                    Ok::<_, granary_store::Error>(news)
                })?)
            });
            if !news.await.unwrap_or(true) {
                return;
            }
        }
        if entry.ok || entry.severity == Severity::Info {
            return;
        }
        self.remember(NewNotification {
            code: entry.code.clone(),
            severity: entry.severity.into(),
            title: entry.title.clone(),
            text: entry.text.clone(),
            remedy: entry.remedy.clone(),
            details: entry.details.clone(),
            grain_id: subject.grain_id(),
            app_id: None,
        })
        .await;
    }

    pub(crate) async fn read_notifications(&self, which: ReadNotifications) -> Result<Unread> {
        self.change_notifications(move |w| {
            let time = now();
            for id in which.notification_ids {
                w.set_notification_read(id, time)?;
            }
            if let Some(last) = which.up_to {
                w.set_notifications_read(last, time)?;
            }
            Ok(true)
        })
        .await
        .map(|unread| unread.unwrap_or(Unread { unread: 0 }))
    }

    pub(crate) async fn dismiss_notification(&self, id: i64) -> Result<()> {
        let found = self.change_notifications(move |w| w.remove_notification(id)).await?;
        found.map(drop).ok_or_else(|| {
            Problem::new(
                StatusCode::NOT_FOUND,
                "no-such-notification",
                "No such notification",
                "The notification was dismissed already, or went with its document.",
            )
        })
    }

    pub(crate) async fn dismiss_notifications(&self) -> Result<()> {
        self.change_notifications(|w| w.remove_notifications().map(|_| true)).await.map(drop)
    }

    /// Tells front ends to read the list again, where `change` found something.
    async fn change_notifications(
        &self,
        change: impl FnOnce(&granary_store::Write<'_>) -> granary_store::Result<bool> + Send + 'static,
    ) -> Result<Option<Unread>> {
        let unread = self
            .db(move |store| {
                Ok(store.write(|w| {
                    let found = change(w)?;
                    let unread = w.unread_notifications()?;
                    Ok::<_, granary_store::Error>(found.then_some(Unread { unread }))
                })?)
            })
            .await?;
        if let Some(Unread { unread }) = unread {
            self.updates.tell(Event::NotificationsChanged { unread });
        }
        Ok(unread)
    }
}

fn shown(notification: granary_store::Notification) -> Notification {
    let what = notification.what;
    Notification {
        notification_id: notification.notification_id,
        code: what.code,
        severity: what.severity.into(),
        title: what.title,
        text: what.text,
        remedy: what.remedy,
        details: what.details,
        grain_id: what.grain_id,
        app_id: what.app_id,
        created: notification.created,
        times: notification.times,
        read: notification.read.is_some(),
    }
}
