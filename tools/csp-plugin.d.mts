import type { Plugin } from 'vite';

export function contentSecurityPolicy(options: { hub: boolean; nonce?: string }): string;
export function contentSecurity(): Plugin;
