// What a page inside a frame may say to the shell; everything else is ignored.

export type FrameMessage =
  | { kind: 'lost' }
  | { kind: 'failed'; code: string; title: string; text: string }
  | { kind: 'path'; path: string }
  | { kind: 'title'; title: string };

const LONGEST_PATH = 4096;
const LONGEST_TITLE = 200;
const LONGEST_TEXT = 500;
const CODE = /^[a-z][a-z0-9-]{0,63}$/;

/** The caller has checked who speaks. */
export function readMessage(data: unknown): FrameMessage | null {
  if (typeof data !== 'object' || data === null) return null;
  if ('granary' in data) {
    if (data.granary === 'session-lost') return { kind: 'lost' };
    if (data.granary !== 'failed' || !('code' in data) || typeof data.code !== 'string' || !CODE.test(data.code)) return null;
    const line = (value: unknown) => (typeof value === 'string' ? value.slice(0, LONGEST_TEXT) : '');
    return { kind: 'failed', code: data.code, title: line('title' in data && data.title), text: line('text' in data && data.text) };
  }
  if ('setPath' in data) {
    const path = data.setPath === '' ? '/' : data.setPath;
    if (typeof path !== 'string' || !path.startsWith('/') || path.length > LONGEST_PATH) return null;
    return { kind: 'path', path };
  }
  if ('setTitle' in data && typeof data.setTitle === 'string') {
    return { kind: 'title', title: data.setTitle.replace(/\s+/g, ' ').trim().slice(0, LONGEST_TITLE) };
  }
  return null;
}
