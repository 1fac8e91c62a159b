'use strict';

/** Real time. `after` returns a function that calls the timer off. */
const systemClock = Object.freeze({
  after(delayMs, fn) {
    const timer = setTimeout(fn, delayMs);
    return () => clearTimeout(timer);
  },
});

/** A clock whose time stands still until it is told to go on. */
function createManualClock() {
  let now = 0;
  let timers = [];
  return {
    get now() {
      return now;
    },

    after(delayMs, fn) {
      const timer = { at: now + delayMs, fn };
      timers.push(timer);
      return () => {
        timers = timers.filter((other) => other !== timer);
      };
    },

    /** Moves on, running the timers that come due in their order. */
    advance(ms) {
      const end = now + ms;
      for (;;) {
        const due = timers.filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at);
        if (due.length === 0) break;
        timers = timers.filter((timer) => timer !== due[0]);
        now = due[0].at;
        due[0].fn();
      }
      now = end;
    },
  };
}

module.exports = { systemClock, createManualClock };
