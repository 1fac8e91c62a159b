'use strict';

/** Lets everything happen that can without time going by. */
async function flush() {
  for (let round = 0; round < 10; round += 1) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Functions that stay running until they are told how to end, and a log of what they did. */
function createStage() {
  const log = [];
  const open = new Map();
  return {
    log,
    fn: (name) => ({ attempt, signal }) => {
      log.push(`${name}${attempt > 1 ? attempt : ''}`);
      return new Promise((resolve, reject) => open.set(name, { resolve, reject, signal }));
    },
    running: () => [...open.keys()].sort(),
    signal: (name) => open.get(name).signal,
    async end(name, value = name) {
      open.get(name).resolve(value);
      open.delete(name);
      await flush();
    },
    async fail(name, message = `${name} failed`) {
      open.get(name).reject(new Error(message));
      open.delete(name);
      await flush();
    },
  };
}

/** What a promise came to: "pending", or its value or error. */
function watch(promise) {
  const seen = { state: 'pending' };
  promise.then(
    (value) => Object.assign(seen, { state: 'resolved', value }),
    (error) => Object.assign(seen, { state: 'rejected', error }),
  );
  return seen;
}

module.exports = { flush, createStage, watch };
