"""A job for tests of launching: does what its content asks for, as a module run by name."""

import json
import os
import signal
import sys
import time


def main():
    job = json.loads(sys.stdin.readline())
    print(json.dumps({"event": "began", "pid": os.getpid(), "gpu": _gpu()}), flush=True)
    print("not JSON", flush=True)
    if job["do"] == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    elif job["do"] == "fail":
        print("something went wrong", file=sys.stderr)
        sys.exit(7)
    elif job["do"] == "wait":
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))
        print(json.dumps({"event": "waiting"}), flush=True)
        time.sleep(60)
    print(json.dumps({"event": "done"}), flush=True)


def _gpu():
    return os.environ.get("CUDA_VISIBLE_DEVICES")


if __name__ == "__main__":
    main()
