// One deed on many things, a few at a time, with a way to stop.

const AT_ONCE = 6;

export interface Outcome<T> {
  done: T[];
  failed: { item: T; thrown: unknown }[];
}

export async function forEach<T>(
  items: readonly T[],
  deed: (item: T) => Promise<unknown>,
  { signal, onProgress = () => {} }: { signal?: AbortSignal; onProgress?: (done: number) => void } = {},
): Promise<Outcome<T>> {
  const outcome: Outcome<T> = { done: [], failed: [] };
  let next = 0;
  const work = async () => {
    while (next < items.length && !signal?.aborted) {
      const item = items[next++] as T;
      try {
        await deed(item);
        outcome.done.push(item);
      } catch (thrown) {
        outcome.failed.push({ item, thrown });
      }
      onProgress(outcome.done.length + outcome.failed.length);
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, items.length) }, work));
  return outcome;
}
