import { History } from './history.js';
import { Transaction } from './transaction.js';

class Store {
  constructor(document) {
    this.history = new History(document);
    this.listeners = new Set();
    this.isBusy = false;
  }

  get state() {
    return this.history.current;
  }

  /** Runs `fn` with a transaction and returns what it returns. */
  transact(fn) {
    if (this.isBusy) throw new Error('there is a transaction already');
    const transaction = new Transaction(this.state);
    this.isBusy = true;
    let result;
    try {
      result = fn(transaction);
    } finally {
      this.isBusy = false;
    }
    const next = transaction.finish();
    if (next !== this.state) {
      const previous = this.state;
      this.history.push(next);
      this.notify(previous);
    }
    return result;
  }

  undo() {
    return this.go(-1);
  }

  redo() {
    return this.go(1);
  }

  go(steps) {
    const previous = this.state;
    const moved = this.history.move(steps);
    if (moved) this.notify(previous);
    return moved;
  }

  /** Calls `listener(state, previous)` after each change; returns a function that ends it. */
  subscribe(listener) {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  notify(previous) {
    for (const listener of [...this.listeners]) listener(this.state, previous);
  }
}

export function createStore(document) {
  return new Store(document);
}
