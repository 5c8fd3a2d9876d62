// Reads a stream of JSON values, one a line, as they arrive.

/**
 * Yields each line's value. Empty lines are skipped, and so is a last line that was cut off: whoever reads knows from
 * what came before whether the end was the end. `onBytes` is told of every arrival, so that silence can be noticed.
 */
export async function* readLines<T>(
  body: ReadableStream<Uint8Array>,
  onBytes: () => void = () => {},
): AsyncGenerator<T, void, void> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = '';
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      onBytes();
      rest += decoder.decode(value, { stream: true });
      const lines = rest.split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        if (line.trim() !== '') yield JSON.parse(line) as T;
      }
    }
    const last = parseWhole<T>(rest + decoder.decode());
    if (last !== undefined) yield last;
  } finally {
    // Tells the other side to stop; a stream that is over already does not mind.
    await reader.cancel().catch(() => {});
  }
}

function parseWhole<T>(line: string): T | undefined {
  if (line.trim() === '') return undefined;
  try {
    return JSON.parse(line) as T;
  } catch {
    return undefined;
  }
}
