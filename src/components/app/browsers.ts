/** Which browsers have WebGPU, and why this page may not. */

/** Browsers with WebGPU switched on by default, as their makers' release notes say. */
export const WEBGPU_BROWSERS: readonly { readonly name: string; readonly since: string }[] = [
  {
    name: 'Chrome and Edge',
    since: '113 on Windows, macOS and ChromeOS; 121 on Android; on Linux behind a flag in many versions',
  },
  { name: 'Safari', since: '26 on macOS, iOS, iPadOS and visionOS' },
  { name: 'Firefox', since: '141 on Windows, 145 on Macs with Apple silicon' },
];

export interface WebGpuHint {
  readonly headline: string;
  readonly advice: string;
}

/** The likeliest reason for a missing WebGPU, from facts the page can see, and what to do about it. */
export function webGpuHint(where: { isSecureContext: boolean; origin: string; userAgent: string }): WebGpuHint {
  if (!where.isSecureContext) {
    return {
      headline: 'This page was opened over plain http, where browsers switch WebGPU off.',
      advice: `Open it over https, or as http://localhost on the machine that serves it. The address now is ${where.origin}.`,
    };
  }
  if (/Linux/.test(where.userAgent) && /Chrom(e|ium)\//.test(where.userAgent) && !/Android/.test(where.userAgent)) {
    return {
      headline: 'This browser gives no WebGPU adapter.',
      advice:
        'On Linux start it with --enable-unsafe-webgpu --enable-features=Vulkan, or switch on “Unsafe WebGPU Support” in chrome://flags, and see chrome://gpu for the reason.',
    };
  }
  return {
    headline: 'This browser gives no WebGPU adapter.',
    advice: 'Use one of the browsers below, up to date and with hardware acceleration switched on.',
  };
}
