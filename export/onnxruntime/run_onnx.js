// Runs an ONNX model in ONNX Runtime for a parent process, over the socket that is file descriptor 3.
//
//   node -e "$(cat run_onnx.js)" -- <folder of the package onnxruntime-node> <model.onnx> <threads> [optimized.onnx]
//
// A message is a line of JSON and then the bytes of its tensors, one after the other. First comes, from here,
//   {"inputs": ["x"], "outputs": ["y"]}
// and then for each
//   {"tensors": [{"type": "float32", "dims": [1, 3, 32, 32], "bytes": 12288}]}
// an answer of the same form, or {"error": "..."}. The end of the stream ends the process.
'use strict';
const fs = require('fs');

const SOCKET = 3;
const ARRAYS = {
  float32: Float32Array, float64: Float64Array, int64: BigInt64Array, int32: Int32Array,
  int8: Int8Array, uint8: Uint8Array, bool: Uint8Array,
};

let pending = Buffer.alloc(0);

function readMore() {
  const chunk = Buffer.allocUnsafe(1 << 20);
  const count = fs.readSync(SOCKET, chunk, 0, chunk.length, null);
  if (count === 0) return false;
  pending = Buffer.concat([pending, chunk.subarray(0, count)]);
  return true;
}

function readLine() {
  for (;;) {
    const end = pending.indexOf(10);
    if (end >= 0) {
      const line = pending.toString('utf8', 0, end);
      pending = pending.subarray(end + 1);
      return line;
    }
    if (!readMore()) return null;
  }
}

function readBytes(count) {
  const result = Buffer.allocUnsafeSlow(count);
  let filled = Math.min(count, pending.length);
  pending.copy(result, 0, 0, filled);
  pending = pending.subarray(filled);
  while (filled < count) {
    const more = fs.readSync(SOCKET, result, filled, count - filled, null);
    if (more === 0) throw new Error('the stream ended within a tensor');
    filled += more;
  }
  return result;
}

function write(buffer) {
  for (let done = 0; done < buffer.length;) done += fs.writeSync(SOCKET, buffer, done, buffer.length - done);
}

function writeLine(value) {
  write(Buffer.from(JSON.stringify(value) + '\n'));
}

async function main() {
  const [folder, model, threads, optimized] = process.argv.slice(1);
  let session, runtime;
  try {
    runtime = require(folder);
    // Otherwise the session is the runtime's default, so that what is measured is what others get.
    const options = {intraOpNumThreads: Number(threads), logSeverityLevel: 3};
    if (optimized) options.optimizedModelFilePath = optimized;
    session = await runtime.InferenceSession.create(model, options);
  } catch (error) {
    writeLine({error: String(error && error.message || error)});
    return;
  }
  writeLine({inputs: session.inputNames, outputs: session.outputNames});
  for (let line; (line = readLine()) !== null;) {
    const request = JSON.parse(line);
    const blobs = request.tensors.map((tensor) => readBytes(tensor.bytes));
    let results;
    try {
      const feeds = {};
      request.tensors.forEach((tensor, i) => {
        const type = ARRAYS[tensor.type], blob = blobs[i];
        const data = new type(blob.buffer, blob.byteOffset, blob.length / type.BYTES_PER_ELEMENT);
        feeds[session.inputNames[i]] = new runtime.Tensor(tensor.type, data, tensor.dims);
      });
      results = await session.run(feeds);
    } catch (error) {
      writeLine({error: String(error && error.message || error)});
      continue;
    }
    const tensors = session.outputNames.map((name) => results[name]);
    writeLine({tensors: tensors.map((tensor) => ({type: tensor.type, dims: tensor.dims, bytes: tensor.data.byteLength}))});
    for (const {data} of tensors) write(Buffer.from(data.buffer, data.byteOffset, data.byteLength));
  }
}

main().then(() => process.exit(0));
