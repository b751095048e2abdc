// Predictions of ONNX Runtime: node peer.cjs MODEL.onnx TEXTS LENGTH. Where a line of stdin asks, the log-odds of a batch are
// computed, and a line answers with the first. Needs the package onnxruntime-node (NODE_PATH names its folder).
const ort = require('onnxruntime-node');
const { createInterface } = require('node:readline');

async function main(file, texts, length) {
  const session = await ort.InferenceSession.create(file, { intraOpNumThreads: Number(process.env.OMP_NUM_THREADS || 0) });
  const shape = [texts, length];
  const ids = BigInt64Array.from({ length: texts * length }, () => BigInt(Math.floor(30522 * Math.random())));
  const kinds = {
    input_ids: () => new ort.Tensor('int64', ids, shape),
    attention_mask: (type) => type === 'int64' ? new ort.Tensor('int64', new BigInt64Array(ids.length).fill(1n), shape)
      : new ort.Tensor('float32', new Float32Array(ids.length).fill(1), shape),
    token_type_ids: () => new ort.Tensor('int64', new BigInt64Array(ids.length), shape),
  };
  const feeds = {};
  for (const { name, type } of session.inputMetadata) feeds[name] = kinds[name](type);
  for await (const _ of createInterface({ input: process.stdin })) {
    const [logits] = Object.values(await session.run(feeds));
    console.log(JSON.stringify({ log_odds: logits.data[1] - logits.data[0] }));
  }
}

main(process.argv[2], Number(process.argv[3]), Number(process.argv[4]));
