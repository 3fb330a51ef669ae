import { defineKernel, read, write } from '../../src/kernels/gpu/index.ts';
import { log1mexp, sigmoid, softplus } from '../../src/kernels/losses/math.ts';
import numerics from '../../src/kernels/shared/numerics.wgsl';
import { referenceFile } from '../losses/reference.ts';
import { runKernel } from '../support/kernel-harness.ts';
import { expectClose, type Tolerance } from '../support/tolerance.ts';
import probe from './numerics-probe.wgsl';

const kernel = defineKernel({
  name: 'numerics-probe',
  files: [numerics, probe],
  bindings: {
    x: read('f32', ['n']),
    softplus_of: write('f32', ['n']),
    sigmoid_of: write('f32', ['n']),
    one_minus_exp_of: write('f32', ['n']),
    log1mexp_of: write('f32', ['n']),
  },
  workgroups: ({ n }) => [n!, 1, 1],
});

/** Purely relative: these functions are tiny on one side, and must be right there. WGSL lets `exp` err by 2e-5 at 88. */
const RELATIVE: Tolerance = { atol: 1e-38, rtol: 2e-5 };
/** Near 0 `exp` is exact to 3 ULP, so nothing excuses more than a few. */
const TIGHT: Tolerance = { atol: 1e-38, rtol: 2e-6 };

async function check(points: readonly number[], tolerance: Tolerance): Promise<void> {
  const x = Float32Array.from(points);
  const n = x.length;
  const out = { shape: [n] };
  const results = await runKernel(kernel, {
    tensors: { x: { shape: [n], data: x }, softplus_of: out, sigmoid_of: out, one_minus_exp_of: out, log1mexp_of: out },
  });
  const negative = (value: number) => Math.min(-Math.abs(value), Math.fround(-1e-7));
  const at = (f: (value: number) => number) => Array.from(x, f);
  expectClose(results.softplus_of, at(softplus), tolerance, 'softplus');
  expectClose(results.sigmoid_of, at(sigmoid), tolerance, 'sigmoid');
  expectClose(
    results.one_minus_exp_of,
    at((value) => -Math.expm1(negative(value))),
    tolerance,
    'one_minus_exp',
  );
  expectClose(
    results.log1mexp_of,
    at((value) => log1mexp(negative(value))),
    tolerance,
    'log1mexp',
  );
}

describe('numerics', () => {
  it('agrees with float64 near 0', async () => {
    const points = [
      0,
      1e-7,
      -1e-7,
      1e-3,
      -1e-3,
      0.5,
      -0.5,
      Math.LN2,
      -Math.LN2,
      Math.LN2 - 1e-4,
      Math.LN2 + 1e-4,
      1,
      -1,
      5,
      -5,
    ];
    await check(points, TIGHT);
  });

  it('agrees with float64 at 20 and 80, on both tails', async () => {
    await check([16, -16, 17, -17, 18, -18, 20, -20, 80, -80], RELATIVE);
  });

  it('stays finite at 90 and beyond, where e^-90 is below the normal f32 range', async () => {
    // A GPU may flush denormals to zero: only an absolute error can be asked for here.
    await check([88, -88, 90, -90, 200, -200, 1000, -1000], { atol: 2e-38, rtol: 2e-5 });
  });

  it('agrees with float64 on a dense grid', async () => {
    await check(
      Array.from({ length: 801 }, (_, i) => -80 + 0.2 * i),
      RELATIVE,
    );
  });

  it('is held to the same numbers as the reference file', async () => {
    const { logsigmoid, orpo_log1mexp } = (await referenceFile()).edge_cases;
    const tolerance = { atol: 1e-15, rtol: 1e-12 };
    expectClose(
      logsigmoid.x.map((x) => -softplus(-x)),
      logsigmoid.stable_f64,
      tolerance,
      'log sigmoid',
    );
    expectClose(
      logsigmoid.x.map((x) => sigmoid(-x)),
      logsigmoid.grad_f64,
      tolerance,
      'its derivative',
    );
    expectClose(orpo_log1mexp.mean_logp.map(log1mexp), orpo_log1mexp.log1mexp_f64, tolerance, 'log1mexp');
  });
});
