import type { Plugin } from 'vite';

export function wgslModule(file: string, code: string): string;
export function wgslVite(): Plugin;
export function wgslTestServer(): object;
export function wgslEsbuild(): object;
