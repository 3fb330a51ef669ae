/** Writer of the safetensors format: f32 tensors, as PEFT's `adapter_model.safetensors` holds them. */

export interface FloatTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** The bytes of a file. Its header is filled up to a multiple of 8 bytes, so that the tensors lie aligned. */
export function writeSafetensors(tensors: ReadonlyMap<string, FloatTensor>): Uint8Array<ArrayBuffer> {
  const header: Record<string, unknown> = { __metadata__: { format: 'pt' } };
  let end = 0;
  for (const [name, { shape, data }] of tensors) {
    header[name] = { dtype: 'F32', shape, data_offsets: [end, end + data.byteLength] };
    end += data.byteLength;
  }
  const text = JSON.stringify(header);
  const head = new TextEncoder().encode(text.padEnd(text.length + ((8 - (text.length % 8)) % 8)));
  const file = new Uint8Array(8 + head.length + end);
  new DataView(file.buffer).setBigUint64(0, BigInt(head.length), true);
  file.set(head, 8);
  let at = 8 + head.length;
  for (const { data } of tensors.values()) {
    file.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    at += data.byteLength;
  }
  return file;
}
