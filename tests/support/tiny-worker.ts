/**
 * The engine's own worker over the tiny models. Damage and delay come from the script's URL (see `tiny-fetch.ts`);
 * an `evaluate` request for the objective `freeze` blocks the worker for good, as a hung driver call would.
 */
import './tiny-worker-setup.ts';
import '../../src/engine/worker.ts';
