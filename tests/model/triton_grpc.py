"""A stranger's gRPC client as a program of its own: tritonclient and KServe register the same messages of the protocol,
so one process cannot import both.

Reads one call from standard input (JSON) and writes what came of it to standard output (JSON).
"""

import json
import sys

import numpy as np
import tritonclient.grpc as triton
from tritonclient.utils import InferenceServerException

call = json.load(sys.stdin)
inputs = []
for name, values in call["inputs"].items():
    array = np.array(values, dtype=np.float64)
    tensor = triton.InferInput(name, list(array.shape), "FP64")
    tensor.set_data_from_numpy(array)
    inputs.append(tensor)
outputs = [triton.InferRequestedOutput(name) for name in call["outputs"]] or None
with triton.InferenceServerClient(f"127.0.0.1:{call['port']}") as client:
    found = {
        "live": client.is_server_live(),
        "ready": client.is_server_ready(),
        "model_ready": client.is_model_ready(call["model"]),
        "metadata": client.get_model_metadata(call["model"], as_json=True),
    }
    try:
        result = client.infer(call["model"], inputs, outputs=outputs, request_id=call["id"])
    except InferenceServerException as error:
        found |= {"status": error.status(), "error": error.message()}
    else:
        response = result.get_response()
        found["id"] = response.id
        found["parameters"] = {name: value.string_param for name, value in response.parameters.items()}
        found["outputs"] = {}
        for output in response.outputs:
            array = result.as_numpy(output.name)
            values = [value.decode() for value in array] if array.dtype == np.object_ else array.tolist()
            found["outputs"][output.name] = values
json.dump(found, sys.stdout)
