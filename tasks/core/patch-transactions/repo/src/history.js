/** States of a document to go back and forth between. */
export class History {
  constructor(state) {
    this.states = [state];
    this.at = 0;
  }

  get current() {
    return this.states[this.at];
  }

  /** Adds a state behind the current one; those that were undone are dropped. */
  push(state) {
    this.states.length = this.at + 1;
    this.states.push(state);
    this.at += 1;
  }

  /** Moves by a number of states; false where there are not that many. */
  move(steps) {
    const target = this.at + steps;
    if (target < 0 || target >= this.states.length) return false;
    this.at = target;
    return true;
  }
}
