/**
 * The worker's side of the protocol: takes requests, queues jobs, answers with events. Knows no `self`, so that tests
 * can run it in the page.
 */
import { CancelledError, DeviceLostError, InputError, ModelFileError, toErrorData } from '../errors.ts';
import type { Gpu } from '../kernels/gpu/index.ts';
import { allKernels } from '../kernels/index.ts';
import { watchSynchronous } from '../models/ort.ts';
import { adapterFacts, exportAdapter, importAdapter, restoreAdapter } from './jobs/adapter.ts';
import { clipScore } from './jobs/clip.ts';
import { divergence } from './jobs/divergence.ts';
import { evaluate } from './jobs/evaluate.ts';
import { dropAdapter, type EngineHost, type JobContext } from './jobs/host.ts';
import { loadModels } from './jobs/load.ts';
import { logps, pairLogps } from './jobs/logps.ts';
import { look } from './jobs/look.ts';
import { sample } from './jobs/sample.ts';
import { sampleBatch } from './jobs/sample-batch.ts';
import { plan, train } from './jobs/train.ts';
import { type EngineEvent, type EngineRequest, HEARTBEAT_MS, type Job, type Query, type Results } from './protocol.ts';
import { JobQueue } from './queue.ts';

/** ORT may notice a dying device a moment before the device says so. */
const LOSS_GRACE_MS = 100;

export class EngineServer {
  readonly host: EngineHost = { gpu: null, vlm: null, clip: null };
  private readonly queue: JobQueue;
  private heartbeat: ReturnType<typeof setInterval> | undefined;
  private lost: DeviceLostError | null = null;

  constructor(private readonly post: (event: EngineEvent) => void) {
    this.queue = new JobQueue((id) => post({ type: 'started', id }));
    watchSynchronous((on) => post({ type: 'synchronous', on }));
  }

  handle(request: EngineRequest): void {
    switch (request.type) {
      case 'load':
      case 'sample':
      case 'sampleBatch':
      case 'logps':
      case 'pairLogps':
      case 'divergence':
      case 'clipScore':
      case 'look':
      case 'evaluate':
      case 'train':
      case 'plan':
      case 'adapterFacts':
      case 'adapterExport':
      case 'adapterImport':
      case 'adapterRestore':
      case 'adapterReset':
        void this.enqueue(request);
        break;
      case 'kernels':
      case 'memory':
      case 'destroyDevice':
        this.answer(request);
        break;
      case 'cancel':
        this.queue.cancel(request.id);
        break;
      default:
        request satisfies never;
    }
  }

  private async enqueue(job: Job): Promise<void> {
    this.heartbeat ??= setInterval(
      () => this.post({ type: 'heartbeat', units: this.host.gpu?.finished ?? 0 }),
      HEARTBEAT_MS,
    );
    try {
      const result = await this.queue.add(job.id, (signal) => this.run(job, signal));
      this.post({ type: 'result', id: job.id, result });
    } catch (error) {
      const modelsKept = job.type === 'load' ? this.host.vlm !== null && this.host.clip !== null : undefined;
      this.post({ type: 'error', id: job.id, error: toErrorData(await this.cause(error)), modelsKept });
    } finally {
      if (!this.queue.busy) {
        clearInterval(this.heartbeat);
        this.heartbeat = undefined;
      }
    }
  }

  private async run(job: Job, signal: AbortSignal): Promise<Results[Job['type']]> {
    const { id } = job;
    const context: JobContext = {
      signal,
      onProgress: (done, total) => this.post({ type: 'progress', id, done, total }),
    };
    switch (job.type) {
      case 'load':
        return loadModels(this.host, job.request, {
          signal,
          onProgress: (progress) => this.post({ type: 'loadProgress', id, progress }),
          onDevice: (gpu) => this.watch(gpu),
        });
      case 'sample':
        return sample(this.host, job.request, context, (event) => this.post({ type: 'sample', id, event }));
      case 'sampleBatch':
        return sampleBatch(this.host, job.request, context, (event) => this.post({ type: 'sampleBatch', id, event }));
      case 'logps':
        return logps(this.host, job.request, context);
      case 'pairLogps':
        return pairLogps(this.host, job.request, context);
      case 'divergence':
        return divergence(this.host, job.request, context);
      case 'clipScore':
        return clipScore(this.host, job.request, context);
      case 'look':
        return look(this.host, job.request, context);
      case 'evaluate':
        return evaluate(this.host, job.request);
      case 'train':
        return train(this.host, job.request, context, (event) => this.post({ type: 'train', id, event }));
      case 'plan':
        return plan(this.host, job.request);
      case 'adapterFacts':
        return adapterFacts(this.host);
      case 'adapterExport':
        return exportAdapter(this.host);
      case 'adapterImport':
        return importAdapter(this.host, job.bytes);
      case 'adapterRestore':
        return restoreAdapter(this.host, job.checkpoint);
      case 'adapterReset':
        dropAdapter(this.host);
        return null;
      default:
        job satisfies never;
        throw new Error('unreachable');
    }
  }

  private answer(query: Query): void {
    const { gpu } = this.host;
    const result = (value: Results[Query['type']]) => this.post({ type: 'result', id: query.id, result: value });
    switch (query.type) {
      case 'kernels':
        result(gpu?.reports(allKernels) ?? []);
        break;
      case 'memory':
        result({ liveBytes: gpu?.liveBytes ?? 0, peakBytes: gpu?.peakBytes ?? 0 });
        break;
      case 'destroyDevice':
        gpu?.destroy();
        result(null);
        break;
      default:
        query satisfies never;
    }
  }

  private watch(gpu: Gpu): void {
    void gpu.lost.then((info) => {
      const detail = info.message ? ` (${info.message.trim()})` : '';
      this.lost = new DeviceLostError(
        `The GPU device was lost${detail}. Pairs, images and settings are kept; the models are being loaded again.`,
      );
      this.post({ type: 'deviceLost', message: this.lost.message });
    });
  }

  /** The error to report: whatever fails on a lost device failed because of it. */
  private async cause(error: unknown): Promise<unknown> {
    if (error instanceof InputError || error instanceof CancelledError || error instanceof ModelFileError) return error;
    if (this.host.gpu && !this.lost) {
      await Promise.race([this.host.gpu.lost, new Promise((resolve) => setTimeout(resolve, LOSS_GRACE_MS))]);
    }
    return this.lost ?? error;
  }
}
