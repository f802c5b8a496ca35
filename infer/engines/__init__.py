"""What turns batches of tokens into logits: OpenVINO, ONNX Runtime and torch behind one protocol."""
