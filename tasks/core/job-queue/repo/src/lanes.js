'use strict';

function goesBefore(a, b) {
  return a.priority !== b.priority ? a.priority > b.priority : a.id < b.id;
}

/**
 * Queued jobs, in one lane for each key. A lane is held by at most one job; as long as it is, its
 * other jobs stay where they are. Jobs without a key have lanes of their own.
 */
class Lanes {
  constructor() {
    this.lanes = new Map();
  }

  nameOf(job) {
    return job.key === undefined ? job : job.key;
  }

  laneOf(job) {
    const name = this.nameOf(job);
    if (!this.lanes.has(name)) this.lanes.set(name, { jobs: [], holder: null });
    return this.lanes.get(name);
  }

  get queued() {
    let count = 0;
    for (const lane of this.lanes.values()) count += lane.jobs.length;
    return count;
  }

  get isEmpty() {
    return this.lanes.size === 0;
  }

  /** Puts a job at the end of its lane. */
  append(job) {
    this.laneOf(job).jobs.push(job);
  }

  /** Takes the job that is to start next out of its lane, which it then holds; null if there is none. */
  takeNext() {
    let best = null;
    for (const lane of this.lanes.values()) {
      const [job] = lane.jobs;
      if (lane.holder !== null || job === undefined) continue;
      if (best === null || goesBefore(job, best)) best = job;
    }
    if (best === null) return null;
    const lane = this.laneOf(best);
    lane.jobs.shift();
    lane.holder = best;
    return best;
  }

  /** Takes a queued job out of its lane. */
  remove(job) {
    const lane = this.laneOf(job);
    lane.jobs = lane.jobs.filter((other) => other !== job);
    this.tidy(job);
  }

  /** Gives a lane free again. */
  release(job) {
    this.laneOf(job).holder = null;
    this.tidy(job);
  }

  tidy(job) {
    const lane = this.laneOf(job);
    if (lane.holder === null && lane.jobs.length === 0) this.lanes.delete(this.nameOf(job));
  }
}

module.exports = { Lanes };
