'use strict';

const { createQueue } = require('./queue');
const { createManualClock, systemClock } = require('./clock');
const { exponential } = require('./backoff');
const { CancelledError } = require('./errors');

module.exports = { createQueue, createManualClock, systemClock, exponential, CancelledError };
