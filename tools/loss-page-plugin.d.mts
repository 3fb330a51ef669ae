import type { Plugin } from 'vite';

export function sourcesBeside(file: string): string[];
export function lossPageModule(file: string, text: string): Promise<string>;
export function lossPageVite(): Plugin;
export function lossPageTestServer(): object;
