// Prints one line a test, as pytest does: for the harnesses that read what is printed.
const shown = new Map([['test:pass', 'PASSED'], ['test:fail', 'FAILED']]);
export default async function* (events) {
  const stack = [];
  for await (const { type, data } of events) {
    if (type !== 'test:start' && !shown.has(type)) continue;
    stack[data.nesting] = data.name;
    if (type === 'test:start' || data.details?.type === 'suite') continue;
    const name = stack.slice(0, data.nesting + 1).join(' > ');
    const bad = data.skip !== undefined || data.todo !== undefined;
    const id = `${process.env.ARENA_FILE}::${name}`.replace(/\s/g, '_');
    yield `${bad ? 'SKIPPED' : shown.get(type)} ${id}\n`;
  }
}
