/** ONNX Runtime Web, WebGPU execution provider, on a model of one MatMul; inputs and output stay on the GPU. */
import type * as Ort from 'onnxruntime-web/webgpu';
import type { Gpu } from '../../src/kernels/gpu/index.ts';
import { onnxModel } from '../../tests/support/tiny-onnx.ts';
import type { LinearCase } from '../cases.ts';
import type { Contender } from '../contender.ts';
import type { LinearInputs } from '../inputs.ts';

export async function ortLinear(
  gpu: Gpu,
  ortPath: string,
  { rows, width, out }: LinearCase,
  inputs: LinearInputs,
): Promise<Contender> {
  const ort = (await import(`${ortPath}/ort.webgpu.bundle.min.mjs`)) as typeof Ort;
  ort.env.wasm.wasmPaths = `${ortPath}/`;
  ort.env.wasm.numThreads = 1;
  ort.env.logLevel = 'error';
  const model = onnxModel({
    inputs: [
      { name: 'x', type: 'float', dims: [rows, width] },
      { name: 'w', type: 'float', dims: [width, out] },
    ],
    outputs: [{ name: 'y', type: 'float', dims: [rows, out] }],
    initializers: [],
    nodes: [{ op: 'MatMul', inputs: ['x', 'w'], outputs: ['y'] }],
  });
  const session = await ort.InferenceSession.create(model, {
    executionProviders: [{ name: 'webgpu', device: gpu.device } as Ort.InferenceSession.ExecutionProviderConfig],
    preferredOutputLocation: 'gpu-buffer',
  });
  const scope = gpu.scope('bench ort');
  // Exporters store a linear layer's weights transposed, as MatMul wants them.
  const transposed = new Float32Array(width * out);
  for (let o = 0; o < out; o++)
    for (let i = 0; i < width; i++) transposed[i * out + o] = inputs.weights[o * width + i]!;
  const x = scope.upload('f32', [rows, width], inputs.x, 'x');
  const w = scope.upload('f32', [width, out], transposed, 'w');
  const feeds = {
    x: ort.Tensor.fromGpuBuffer(x.buffer, { dataType: 'float32', dims: [rows, width] }),
    w: ort.Tensor.fromGpuBuffer(w.buffer, { dataType: 'float32', dims: [width, out] }),
  };
  let output: Ort.Tensor | undefined;
  return {
    async run() {
      output?.dispose();
      output = (await session.run(feeds)).y;
    },
    sync: () => gpu.idle(),
    result: () => gpu.read(gpu.wrap(output!.gpuBuffer as GPUBuffer, 'f32', [rows, out])),
    async dispose() {
      output?.dispose();
      await session.release();
      scope.dispose();
      gpu.pool.trim();
    },
  };
}
