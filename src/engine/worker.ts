/** The dedicated worker that owns the GPU. All behaviour is in `server.ts`. */
import type { EngineRequest } from './protocol.ts';
import { EngineServer } from './server.ts';

const server = new EngineServer((event) => self.postMessage(event));
self.addEventListener('message', (message: MessageEvent<EngineRequest>) => server.handle(message.data));
