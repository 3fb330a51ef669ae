import { defineKernel, read, readWrite } from '../gpu/declare.ts';
import main from './add-scaled.wgsl';

/** y += scale · x: a second gradient of the same tokens. */
export const addScaled = defineKernel({
  name: 'add-scaled',
  files: [main],
  bindings: { x: read('f32', ['size']), y: readWrite('f32', ['size']) },
  params: { size: 'u32', scale: 'f32' },
  constants: { WORKGROUP_SIZE: 64 },
  workgroups: ({ size, WORKGROUP_SIZE }) => [Math.ceil(size! / WORKGROUP_SIZE!), 1, 1],
});
