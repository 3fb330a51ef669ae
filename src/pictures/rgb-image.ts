/** 8-bit RGB, rows from the top, channels interleaved: length `width * height * 3`. */
export interface RgbImage {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}
