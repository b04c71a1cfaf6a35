# SPDX-License-Identifier: Apache-2.0
"""The workloads of tests/bench, against any homeserver that speaks the client API over plain HTTP."""
