declare module '*.wgsl' {
  const file: import('./kernels/gpu/declare.ts').WgslFile;
  export default file;
}
