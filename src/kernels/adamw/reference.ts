/** Plain loops in float64: what `adamw.wgsl` is held against. */

export interface AdamwSettings {
  readonly gradient_scale: number;
  readonly learning_rate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly weight_decay: number;
  readonly correction1: number;
  readonly correction2: number;
}

/** Parameters and both moments after one step. */
export function adamwReference(
  parameters: ArrayLike<number>,
  gradients: ArrayLike<number>,
  firstMoments: ArrayLike<number>,
  secondMoments: ArrayLike<number>,
  s: AdamwSettings,
): { parameters: Float64Array; first_moments: Float64Array; second_moments: Float64Array } {
  const after = {
    parameters: Float64Array.from(parameters),
    first_moments: Float64Array.from(firstMoments),
    second_moments: Float64Array.from(secondMoments),
  };
  for (let i = 0; i < gradients.length; i++) {
    const g = s.gradient_scale * gradients[i];
    const m = s.beta1 * firstMoments[i] + (1 - s.beta1) * g;
    const v = s.beta2 * secondMoments[i] + (1 - s.beta2) * g * g;
    const direction = m / s.correction1 / (Math.sqrt(v / s.correction2) + s.epsilon);
    after.first_moments[i] = m;
    after.second_moments[i] = v;
    after.parameters[i] -= s.learning_rate * (s.weight_decay * parameters[i] + direction);
  }
  return after;
}
