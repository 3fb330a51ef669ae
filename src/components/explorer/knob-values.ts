/** Values of a knob worth comparing: the present one among its neighbours. */
import type { Hyperparameter, HyperparameterValues } from '../../kernels/losses/objective.ts';

/** Knobs moved by factors take these of the present value. */
const FACTORS = [1 / 4, 1 / 2, 1, 2, 4];
const STOPS = 5;

/**
 * Up to six values in ascending order, the present one always among them: factors of it for knobs that people move by
 * factors, even steps through the slider's range for the others. What the loss refuses is left out.
 */
export function knobValues(knob: Hyperparameter, present: HyperparameterValues): number[] {
  const now = present[knob.key];
  const { min, max, step } = knob;
  const factors = knob.scale === 'log' && now > 0;
  const wanted = factors
    ? FACTORS.map((factor) => Number((now * factor).toPrecision(3))).filter((value) => value >= min && value <= max)
    : Array.from({ length: STOPS }, (_, i) => {
        const even = min + ((max - min) * i) / (STOPS - 1);
        return Number((min + Math.round((even - min) / step) * step).toPrecision(6));
      });
  const usable = wanted.filter(
    (value) => value !== now && knob.refuse?.(value, { ...present, [knob.key]: value }) === undefined,
  );
  return [...new Set([...usable, now])].sort((a, b) => a - b);
}
