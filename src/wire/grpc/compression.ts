/** Longer messages are sent unpacked (flag 0), so that packing stops nobody for over about 3 ms. */
export const packMaxBytes = 131_072;
