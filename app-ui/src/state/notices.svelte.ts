// What happened while nobody looked: the bell and its list.
import type { Api } from '../api/client';
import type { LiveEvent, Notification } from '../api/types';

export class Notices {
  /** The latest first. */
  items: Notification[] = $state.raw([]);
  unread = $state(0);
  readonly #api: Pick<Api, 'notifications' | 'readNotifications' | 'dismissNotification' | 'dismissNotifications'>;

  constructor(api: Pick<Api, 'notifications' | 'readNotifications' | 'dismissNotification' | 'dismissNotifications'>) {
    this.#api = api;
  }

  async load(): Promise<void> {
    const { unread, notifications } = await this.#api.notifications();
    this.items = notifications;
    this.unread = unread;
  }

  take(event: LiveEvent): void {
    if (event.type === 'notification') {
      const { notification } = event;
      this.items = [notification, ...this.items.filter((item) => item.notificationId !== notification.notificationId)];
      this.unread = event.unread;
    } else if (event.type === 'notifications-changed') {
      this.unread = event.unread;
      this.load().catch(() => {});
    }
  }

  /** All that is shown now was seen; what comes meanwhile stays new. */
  async read(): Promise<void> {
    const last = Math.max(0, ...this.items.map((item) => item.notificationId));
    if (this.unread > 0 && last > 0) this.unread = await this.#api.readNotifications(last);
  }

  async dismiss(notification: Notification): Promise<void> {
    this.items = this.items.filter((item) => item !== notification);
    await this.#api.dismissNotification(notification.notificationId);
  }

  async dismissAll(): Promise<void> {
    this.items = [];
    this.unread = 0;
    await this.#api.dismissNotifications();
  }
}
