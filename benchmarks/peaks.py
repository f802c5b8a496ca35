"""How many operations a second this machine does in bare matrix products: what `speed.py` compares with."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from policylens.infer.engines.cpu import usable_cores


def cpu_peak(precision: str) -> float:
    """Operations a second of bare matrix products on all cores, int8 or float32, in the faster runtime."""
    return max(openvino_peak(precision), onnx_peak(precision))


def onnx_peak(precision: str, *, rounds: int = 5) -> float:
    """The peak in ONNX Runtime, a product on each core at once; 0 where it is not installed."""
    try:
        import onnxruntime
        from onnx import TensorProto, helper, numpy_helper
    except ImportError:
        return 0.0
    best, n_cores = 0.0, usable_cores()
    for n_rows, width in ((512, 1024), (1024, 1536)):
        levels = np.random.default_rng(0).integers(-63, 64, (width, width)).astype(np.int8)
        weight = levels if precision == "int8" else levels.astype(np.float32)
        kind, dtype = ("MatMulInteger", np.uint8) if precision == "int8" else ("MatMul", np.float32)
        given, taken = (
            (TensorProto.UINT8, TensorProto.INT32) if precision == "int8" else (TensorProto.FLOAT,) * 2
        )
        graph = helper.make_graph(
            [helper.make_node(kind, ["x", "w"], ["y"])],
            "peak",
            [helper.make_tensor_value_info("x", given, [n_rows, width])],
            [helper.make_tensor_value_info("y", taken, [n_rows, width])],
            initializer=[numpy_helper.from_array(weight, "w")],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        data = {"x": np.random.default_rng(1).integers(0, 255, (n_rows, width)).astype(dtype)}
        with ThreadPoolExecutor(n_cores) as pool:
            for _ in range(rounds):
                began = time.perf_counter()
                list(
                    pool.map(
                        lambda _, session=session, data=data: session.run(None, data), range(8 * n_cores)
                    )
                )
                seconds = time.perf_counter() - began
                best = max(best, 8 * n_cores * 2.0 * n_rows * width * width / seconds)
    return best


def openvino_peak(precision: str, *, rounds: int = 5) -> float:
    """The peak in OpenVINO, best of several shapes."""
    import openvino as ov
    import openvino.opset13 as ops

    best = 0.0
    for n_rows, width in ((2048, 1024), (4096, 1536), (1024, 2048)):
        values = node = ops.parameter([n_rows, width], np.float32)
        levels = np.random.default_rng(0).integers(-63, 64, (width, width)).astype(np.int8)
        n_layers = 4
        for _ in range(n_layers):
            weight = ops.multiply(ops.convert(ops.constant(levels), "f32"), ops.constant(np.float32(0.01)))
            if precision == "int8":
                low, high = (ops.constant(np.float32(bound)) for bound in (-4.0, 4.0))
                node = ops.fake_quantize(node, low, high, low, high, 256)
            node = ops.matmul(node, weight, False, True)
        graph = ov.Model([ops.result(node)], [values], "peak")
        hint = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
        request = ov.Core().compile_model(graph, "CPU", hint).create_infer_request()
        data = np.random.default_rng(1).standard_normal((n_rows, width)).astype(np.float32)
        request.infer([data])
        for _ in range(rounds):
            began = time.perf_counter()
            request.infer([data])
            best = max(best, 2.0 * n_layers * n_rows * width * width / (time.perf_counter() - began))
    return best


def gpu_peak(*, rounds: int = 20) -> float:
    """Operations a second of one large bf16 matrix product in torch."""
    import torch

    matrix = torch.randn(8192, 8192, device="cuda", dtype=torch.bfloat16)
    matrix @ matrix
    torch.cuda.synchronize()
    began = time.perf_counter()
    for _ in range(rounds):
        matrix @ matrix
    torch.cuda.synchronize()
    return 2.0 * 8192**3 * rounds / (time.perf_counter() - began)
