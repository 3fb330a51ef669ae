/** The link of the AOT losses in float64: logistic, with a share of flipped labels. */
import { sigmoid, softplus } from '../math.ts';

/** (1 - e) softplus(-beta D) + e softplus(beta D), and its derivative with respect to D. */
export function smoothedLogistic(difference: number, beta: number, smoothing: number) {
  const z = beta * difference;
  return {
    loss: (1 - smoothing) * softplus(-z) + smoothing * softplus(z),
    slope: beta * (smoothing * sigmoid(z) - (1 - smoothing) * sigmoid(-z)),
  };
}
