"""The request schemas as Python, by `python -m tinyllama.compile_schemas`: do not edit."""

from collections.abc import Callable

from chalicelib.schemas import Refused

VERSION = "2.22.3"
from decimal import Decimal
import re

JsonSchemaValueException = JsonSchemaValuesException = Refused


REGEX_PATTERNS = {
    '^job_[0-9a-f]{32}': re.compile('^job_[0-9a-f]{32}'),
    '[^A-Za-z0-9._:@|/+-]': re.compile('[^A-Za-z0-9._:@|/+-]'),
    '^[0-9a-f]{32}': re.compile('^[0-9a-f]{32}'),
    '[^!-~]': re.compile('[^!-~]'),
    '[^A-Za-z0-9._:/@-]': re.compile('[^A-Za-z0-9._:/@-]'),
    '^[A-Za-z0-9]': re.compile('^[A-Za-z0-9]'),
    '[^a-z0-9_]': re.compile('[^a-z0-9_]'),
    '[^A-Za-z0-9_-]': re.compile('[^A-Za-z0-9_-]'),
    '^evt_[0-9a-f]{32}': re.compile('^evt_[0-9a-f]{32}'),
    '[^A-Za-z0-9._:/-]': re.compile('[^A-Za-z0-9._:/-]'),
    '[^0-9TtZz:.+-]': re.compile('[^0-9TtZz:.+-]'),
    '[^a-z0-9]': re.compile('[^a-z0-9]')
}

NoneType = type(None)

def validate(data, custom_formats={}, name_prefix=None):
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data_keys = set(data.keys())
        if "chat_completion_request" in data_keys:
            data_keys.remove("chat_completion_request")
            data__chatcompletionrequest = data["chat_completion_request"]
            validate____defs_chat_completion_request(data__chatcompletionrequest, custom_formats, (name_prefix or "data") + ".chat_completion_request")
        if "cloudevent" in data_keys:
            data_keys.remove("cloudevent")
            data__cloudevent = data["cloudevent"]
            validate____defs_cloudevent(data__cloudevent, custom_formats, (name_prefix or "data") + ".cloudevent")
        if "event" in data_keys:
            data_keys.remove("event")
            data__event = data["event"]
            validate____defs_event(data__event, custom_formats, (name_prefix or "data") + ".event")
        if "events_extend" in data_keys:
            data_keys.remove("events_extend")
            data__eventsextend = data["events_extend"]
            validate____defs_events_extend(data__eventsextend, custom_formats, (name_prefix or "data") + ".events_extend")
        if "events_held" in data_keys:
            data_keys.remove("events_held")
            data__eventsheld = data["events_held"]
            validate____defs_events_held(data__eventsheld, custom_formats, (name_prefix or "data") + ".events_held")
        if "events_lease" in data_keys:
            data_keys.remove("events_lease")
            data__eventslease = data["events_lease"]
            validate____defs_events_lease(data__eventslease, custom_formats, (name_prefix or "data") + ".events_lease")
        if "infer" in data_keys:
            data_keys.remove("infer")
            data__infer = data["infer"]
            validate____defs_infer(data__infer, custom_formats, (name_prefix or "data") + ".infer")
        if "redrive" in data_keys:
            data_keys.remove("redrive")
            data__redrive = data["redrive"]
            validate____defs_redrive(data__redrive, custom_formats, (name_prefix or "data") + ".redrive")
        if "register" in data_keys:
            data_keys.remove("register")
            data__register = data["register"]
            validate____defs_register(data__register, custom_formats, (name_prefix or "data") + ".register")
        if "response_request" in data_keys:
            data_keys.remove("response_request")
            data__responserequest = data["response_request"]
            validate____defs_response_request(data__responserequest, custom_formats, (name_prefix or "data") + ".response_request")
        if "retry" in data_keys:
            data_keys.remove("retry")
            data__retry = data["retry"]
            validate____defs_retry(data__retry, custom_formats, (name_prefix or "data") + ".retry")
        if "worker_append" in data_keys:
            data_keys.remove("worker_append")
            data__workerappend = data["worker_append"]
            validate____defs_worker_append(data__workerappend, custom_formats, (name_prefix or "data") + ".worker_append")
        if "worker_extend" in data_keys:
            data_keys.remove("worker_extend")
            data__workerextend = data["worker_extend"]
            validate____defs_worker_extend(data__workerextend, custom_formats, (name_prefix or "data") + ".worker_extend")
        if "worker_finish" in data_keys:
            data_keys.remove("worker_finish")
            data__workerfinish = data["worker_finish"]
            validate____defs_worker_finish(data__workerfinish, custom_formats, (name_prefix or "data") + ".worker_finish")
        if "worker_lease" in data_keys:
            data_keys.remove("worker_lease")
            data__workerlease = data["worker_lease"]
            validate____defs_worker_lease(data__workerlease, custom_formats, (name_prefix or "data") + ".worker_lease")
        if "worker_release" in data_keys:
            data_keys.remove("worker_release")
            data__workerrelease = data["worker_release"]
            validate____defs_worker_release(data__workerrelease, custom_formats, (name_prefix or "data") + ".worker_release")
    return data

def validate____defs_worker_release(data, custom_formats={}, name_prefix=None):
    if not isinstance(data, (dict)):
        raise JsonSchemaValueException("" + (name_prefix or "data") + " must be object")
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data__missing_keys = set(['job_id', 'tenant', 'token']) - data.keys()
        if data__missing_keys:
            raise JsonSchemaValueException("" + (name_prefix or "data") + " must contain ")
        data_keys = set(data.keys())
        if "job_id" in data_keys:
            data_keys.remove("job_id")
            data__jobid = data["job_id"]
            if not isinstance(data__jobid, (str)):
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".job_id must be string")
            if isinstance(data__jobid, str):
                data__jobid_len = len(data__jobid)
                if data__jobid_len > 36:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".job_id must be shorter than or equal to 36 characters")
                if not REGEX_PATTERNS['^job_[0-9a-f]{32}'].search(data__jobid):
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".job_id must match pattern ^job_[0-9a-f]{32}")
        if "tenant" in data_keys:
            data_keys.remove("tenant")
            data__tenant = data["tenant"]
            if not isinstance(data__tenant, (str)):
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".tenant must be string")
            try:
                if isinstance(data__tenant, str):
                    if not REGEX_PATTERNS['[^A-Za-z0-9._:@|/+-]'].search(data__tenant):
                        raise JsonSchemaValueException("" + (name_prefix or "data") + ".tenant must match pattern [^A-Za-z0-9._:@|/+-]")
            except (JsonSchemaValueException, JsonSchemaValuesException): pass
            else:
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".tenant must NOT match a disallowed definition")
            if isinstance(data__tenant, str):
                data__tenant_len = len(data__tenant)
                if data__tenant_len < 1:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".tenant must be longer than or equal to 1 characters")
                if data__tenant_len > 128:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".tenant must be shorter than or equal to 128 characters")
        if "token" in data_keys:
            data_keys.remove("token")
            data__token = data["token"]
            if not isinstance(data__token, (str)):
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".token must be string")
            if isinstance(data__token, str):
                data__token_len = len(data__token)
                if data__token_len > 32:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".token must be shorter than or equal to 32 characters")
                if not REGEX_PATTERNS['^[0-9a-f]{32}'].search(data__token):
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".token must match pattern ^[0-9a-f]{32}")
        if data_keys:
            raise JsonSchemaValueException("" + (name_prefix or "data") + " must not contain "+str(data_keys)+" properties")
    return data

def validate____defs_worker_lease(data, custom_formats={}, name_prefix=None):
    if not isinstance(data, (dict)):
        raise JsonSchemaValueException("" + (name_prefix or "data") + " must be object")
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data__missing_keys = set(['token', 'worker', 'slots']) - data.keys()
        if data__missing_keys:
            raise JsonSchemaValueException("" + (name_prefix or "data") + " must contain ")
        data_keys = set(data.keys())
        if "token" in data_keys:
            data_keys.remove("token")
            data__token = data["token"]
            if not isinstance(data__token, (str)):
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".token must be string")
            if isinstance(data__token, str):
                data__token_len = len(data__token)
                if data__token_len > 32:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".token must be shorter than or equal to 32 characters")
                if not REGEX_PATTERNS['^[0-9a-f]{32}'].search(data__token):
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".token must match pattern ^[0-9a-f]{32}")
        if "worker" in data_keys:
            data_keys.remove("worker")
            data__worker = data["worker"]
            if not isinstance(data__worker, (str)):
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".worker must be string")
            try:
                if isinstance(data__worker, str):
                    if not REGEX_PATTERNS['[^!-~]'].search(data__worker):
                        raise JsonSchemaValueException("" + (name_prefix or "data") + ".worker must match pattern [^!-~]")
            except (JsonSchemaValueException, JsonSchemaValuesException): pass
            else:
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".worker must NOT match a disallowed definition")
            if isinstance(data__worker, str):
                data__worker_len = len(data__worker)
                if data__worker_len < 1:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".worker must be longer than or equal to 1 characters")
                if data__worker_len > 128:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".worker must be shorter than or equal to 128 characters")
        if "slots" in data_keys:
            data_keys.remove("slots")
            data__slots = data["slots"]
            if not isinstance(data__slots, (int)) and not (isinstance(data__slots, float) and data__slots.is_integer()) or isinstance(data__slots, bool):
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".slots must be integer")
            if isinstance(data__slots, (int, float, Decimal)) and not isinstance(data__slots, bool):
                if data__slots < 1:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".slots must be bigger than or equal to 1")
                if data__slots > 10000:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".slots must be smaller than or equal to 10000")
        if "models" in data_keys:
            data_keys.remove("models")
            data__models = data["models"]
            if not isinstance(data__models, (list, tuple)):
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".models must be array")
            data__models_is_list = isinstance(data__models, (list, tuple))
            if data__models_is_list:
                data__models_len = len(data__models)
                if data__models_len > 32:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".models must contain less than or equal to 32 items")
                for data__models_x, data__models_item in enumerate(data__models):
                    if not isinstance(data__models_item, (str)):
                        raise JsonSchemaValueException("" + (name_prefix or "data") + ".models[{data__models_x}]".format(**locals()) + " must be string")
                    try:
                        if isinstance(data__models_item, str):
                            if not REGEX_PATTERNS['[^A-Za-z0-9._:/@-]'].search(data__models_item):
                                raise JsonSchemaValueException("" + (name_prefix or "data") + ".models[{data__models_x}]".format(**locals()) + " must match pattern [^A-Za-z0-9._:/@-]")
                    except (JsonSchemaValueException, JsonSchemaValuesException): pass
                    else:
                        raise JsonSchemaValueException("" + (name_prefix or "data") + ".models[{data__models_x}]".format(**locals()) + " must NOT match a disallowed definition")
                    if isinstance(data__models_item, str):
                        data__models_item_len = len(data__models_item)
                        if data__models_item_len < 1:
                            raise JsonSchemaValueException("" + (name_prefix or "data") + ".models[{data__models_x}]".format(**locals()) + " must be longer than or equal to 1 characters")
                        if data__models_item_len > 128:
                            raise JsonSchemaValueException("" + (name_prefix or "data") + ".models[{data__models_x}]".format(**locals()) + " must be shorter than or equal to 128 characters")
                        if not REGEX_PATTERNS['^[A-Za-z0-9]'].search(data__models_item):
                            raise JsonSchemaValueException("" + (name_prefix or "data") + ".models[{data__models_x}]".format(**locals()) + " must match pattern ^[A-Za-z0-9]")
        if data_keys:
            raise JsonSchemaValueException("" + (name_prefix or "data") + " must not contain "+str(data_keys)+" properties")
    return data

def validate____defs_worker_finish(data, custom_formats={}, name_prefix=None):
    if not isinstance(data, (dict)):
        raise JsonSchemaValueException("" + (name_prefix or "data") + " must be object")
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data__missing_keys = set(['job_id', 'tenant', 'token', 'outcome']) - data.keys()
        if data__missing_keys:
            raise JsonSchemaValueException("" + (name_prefix or "data") + " must contain ")
        data_keys = set(data.keys())
        if "job_id" in data_keys:
            data_keys.remove("job_id")
            data__jobid = data["job_id"]
            if not isinstance(data__jobid, (str)):
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".job_id must be string")
            if isinstance(data__jobid, str):
                data__jobid_len = len(data__jobid)
                if data__jobid_len > 36:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".job_id must be shorter than or equal to 36 characters")
                if not REGEX_PATTERNS['^job_[0-9a-f]{32}'].search(data__jobid):
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".job_id must match pattern ^job_[0-9a-f]{32}")
        if "tenant" in data_keys:
            data_keys.remove("tenant")
            data__tenant = data["tenant"]
            if not isinstance(data__tenant, (str)):
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".tenant must be string")
            try:
                if isinstance(data__tenant, str):
                    if not REGEX_PATTERNS['[^A-Za-z0-9._:@|/+-]'].search(data__tenant):
                        raise JsonSchemaValueException("" + (name_prefix or "data") + ".tenant must match pattern [^A-Za-z0-9._:@|/+-]")
            except (JsonSchemaValueException, JsonSchemaValuesException): pass
            else:
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".tenant must NOT match a disallowed definition")
            if isinstance(data__tenant, str):
                data__tenant_len = len(data__tenant)
                if data__tenant_len < 1:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".tenant must be longer than or equal to 1 characters")
                if data__tenant_len > 128:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".tenant must be shorter than or equal to 128 characters")
        if "token" in data_keys:
            data_keys.remove("token")
            data__token = data["token"]
            if not isinstance(data__token, (str)):
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".token must be string")
            if isinstance(data__token, str):
                data__token_len = len(data__token)
                if data__token_len > 32:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".token must be shorter than or equal to 32 characters")
                if not REGEX_PATTERNS['^[0-9a-f]{32}'].search(data__token):
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".token must match pattern ^[0-9a-f]{32}")
        if "outcome" in data_keys:
            data_keys.remove("outcome")
            data__outcome = data["outcome"]
            if not isinstance(data__outcome, (dict)):
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".outcome must be object")
            data__outcome_one_of_count1 = 0
            if data__outcome_one_of_count1 < 2:
                try:
                    data__outcome_is_dict = isinstance(data__outcome, dict)
                    if data__outcome_is_dict:
                        data__outcome__missing_keys = set(['result']) - data__outcome.keys()
                        if data__outcome__missing_keys:
                            raise JsonSchemaValueException("" + (name_prefix or "data") + ".outcome must contain ")
                    data__outcome_one_of_count1 += 1
                except (JsonSchemaValueException, JsonSchemaValuesException): pass
            if data__outcome_one_of_count1 < 2:
                try:
                    data__outcome_is_dict = isinstance(data__outcome, dict)
                    if data__outcome_is_dict:
                        data__outcome__missing_keys = set(['error']) - data__outcome.keys()
                        if data__outcome__missing_keys:
                            raise JsonSchemaValueException("" + (name_prefix or "data") + ".outcome must contain ")
                    data__outcome_one_of_count1 += 1
                except (JsonSchemaValueException, JsonSchemaValuesException): pass
            if data__outcome_one_of_count1 < 2:
                try:
                    data__outcome_is_dict = isinstance(data__outcome, dict)
                    if data__outcome_is_dict:
                        data__outcome__missing_keys = set(['cancelled']) - data__outcome.keys()
                        if data__outcome__missing_keys:
                            raise JsonSchemaValueException("" + (name_prefix or "data") + ".outcome must contain ")
                    data__outcome_one_of_count1 += 1
                except (JsonSchemaValueException, JsonSchemaValuesException): pass
            if data__outcome_one_of_count1 != 1:
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".outcome must be valid exactly by one definition")
            data__outcome_is_dict = isinstance(data__outcome, dict)
            if data__outcome_is_dict:
                data__outcome_keys = set(data__outcome.keys())
                if "result" in data__outcome_keys:
                    data__outcome_keys.remove("result")
                    data__outcome__result = data__outcome["result"]
                    if not isinstance(data__outcome__result, (dict)):
                        raise JsonSchemaValueException("" + (name_prefix or "data") + ".outcome.result must be object")
                    data__outcome__result_is_dict = isinstance(data__outcome__result, dict)
                    if data__outcome__result_is_dict:
                        data__outcome__result__missing_keys = set(['text', 'finish_reason', 'engine', 'model']) - data__outcome__result.keys()
                        if data__outcome__result__missing_keys:
                            raise JsonSchemaValueException("" + (name_prefix or "data") + ".outcome.result must contain ")
                        data__outcome__result_keys = set(data__outcome__result.keys())
                        if "text" in data__outcome__result_keys:
                            data__outcome__result_keys.remove("text")
                            data__outcome__result__text = data__outcome__result["text"]
                            if not isinstance(data__outcome__result__text, (str)):
                                raise JsonSchemaValueException("" + (name_prefix or "data") + ".outcome.result.text must be string")
                            if isinstance(data__outcome__result__text, str):
                                data__outcome__result__text_len = len(data__outcome__result__text)
                                if data__outcome__result__text_len > 1048576:
                                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".outcome.result.text must be shorter than or equal to 1048576 characters")
                        if "finish_reason" in data__outcome__result_keys:
                            data__outcome__result_keys.remove("finish_reason")
                            data__outcome__result__finishreason = data__outcome__result["finish_reason"]
                            if not isinstance(data__outcome__result__finishreason, (str, NoneType)):
                                raise JsonSchemaValueException("" + (name_prefix or "data") + ".outcome.result.finish_reason must be string or null")
                            if isinstance(data__outcome__result__finishreason, str):
                                data__outcome__result__finishreason_len = len(data__outcome__result__finishreason)
                                if data__outcome__result__finishreason_len > 256:
                                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".outcome.result.finish_reason must be shorter than or equal to 256 characters")
                        if "engine" in data__outcome__result_keys:
                            data__outcome__result_keys.remove("engine")
                            data__outcome__result__engine = data__outcome__result["engine"]
                            if not isinstance(data__outcome__result__engine, (str)):
                                raise JsonSchemaValueException("" + (name_prefix or "data") + ".outcome.result.engine must be string")
                            if isinstance(data__outcome__result__engine, str):
                                data__outcome__result__engine_len = len(data__outcome__result__engine)
                                if data__outcome__result__engine_len > 256:
                                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".outcome.result.engine must be shorter than or equal to 256 characters")
                        if "model" in data__outcome__result_keys:
                            data__outcome__result_keys.remove("model")
                            data__outcome__result__model = data__outcome__result["model"]
                            if not isinstance(data__outcome__result__model, (str, NoneType)):
                                raise JsonSchemaValueException("" + (name_prefix or "data") + ".outcome.result.model must be string or null")
                            if isinstance(data__outcome__result__model, str):
                                data__outcome__result__model_len = len(data__outcome__result__model)
                                if data__outcome__result__model_len > 256:
                                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".outcome.result.model must be shorter than or equal to 256 characters")
                        if "usage" in data__outcome__result_keys:
                            data__outcome__result_keys.remove("usage")
                            data__outcome__result__usage = data__outcome__result["usage"]
                            if not isinstance(data__outcome__result__usage, (dict, NoneType)):
                                raise JsonSchemaValueException("" + (name_prefix or "data") + ".outcome.result.usage must be object or null")
                            data__outcome__result__usage_is_dict = isinstance(data__outcome__result__usage, dict)
                            if data__outcome__result__usage_is_dict:
                                data__outcome__result__usage__missing_keys = set(['prompt_tokens', 'completion_tokens', 'total_tokens']) - data__outcome__result__usage.keys()
                                if data__outcome__result__usage__missing_keys:
                                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".outcome.result.usage must contain ")
                                data__outcome__result__usage_keys = set(data__outcome__result__usage.keys())
                                if "prompt_tokens" in data__outcome__result__usage_keys:
                                    data__outcome__result__usage_keys.remove("prompt_tokens")
                                    data__outcome__result__usage__prompttokens = data__outcome__result__usage["prompt_tokens"]
                                    if not isinstance(data__outcome__result__usage__prompttokens, (int)) and not (isinstance(data__outcome__result__usage__prompttokens, float) and data__outcome__result__usage__prompttokens.is_integer()) or isinstance(data__outcome__result__usage__prompttokens, bool):
                                        raise JsonSchemaValueException("" + (name_prefix or "data") + ".outcome.result.usage.prompt_tokens must be integer")
                                    if isinstance(data__outcome__result__usage__prompttokens, (int, float, Decimal)) and not isinstance(data__outcome__result__usage__prompttokens, bool):
                                        if data__outcome__result__usage__prompttokens < 0:
                                            raise JsonSchemaValueException("" + (name_prefix or "data") + ".outcome.result.usage.prompt_tokens must be bigger than or equal to 0")
                                        if data__outcome__result__usage__prompttokens > 9007199254740991:
                                            raise JsonSchemaValueException("" + (name_prefix or "data") + ".outcome.result.usage.prompt_tokens must be smaller than or equal to 9007199254740991")
                                if "completion_tokens" in data__outcome__result__usage_keys:
                                    data__outcome__result__usage_keys.remove("completion_tokens")
                                    data__outcome__result__usage__completiontokens = data__outcome__result__usage["completion_tokens"]
                                    if not isinstance(data__outcome__result__usage__completiontokens, (int)) and not (isinstance(data__outcome__result__usage__completiontokens, float) and data__outcome__result__usage__completiontokens.is_integer()) or isinstance(data__outcome__result__usage__completiontokens, bool):
                                        raise JsonSchemaValueException("" + (name_prefix or "data") + ".outcome.result.usage.completion_tokens must be integer")
                                    if isinstance(data__outcome__result__usage__completiontokens, (int, float, Decimal)) and not isinstance(data__outcome__result__usage__completiontokens, bool):
                                        if data__outcome__result__usage__completiontokens < 0:
                                            raise JsonSchemaValueException("" + (name_prefix or "data") + ".outcome.result.usage.completion_tokens must be bigger than or equal to 0")
                                        if data__outcome__result__usage__completiontokens > 9007199254740991:
                                            raise JsonSchemaValueException("" + (name_prefix or "data") + ".outcome.result.usage.completion_tokens must be smaller than or equal to 9007199254740991")
                                if "total_tokens" in data__outcome__result__usage_keys:
                                    data__outcome__result__usage_keys.remove("total_tokens")
                                    data__outcome__result__usage__totaltokens = data__outcome__result__usage["total_tokens"]
                                    if not isinstance(data__outcome__result__usage__totaltokens, (int)) and not (isinstance(data__outcome__result__usage__totaltokens, float) and data__outcome__result__usage__totaltokens.is_integer()) or isinstance(data__outcome__result__usage__totaltokens, bool):
                                        raise JsonSchemaValueException("" + (name_prefix or "data") + ".outcome.result.usage.total_tokens must be integer")
                                    if isinstance(data__outcome__result__usage__totaltokens, (int, float, Decimal)) and not isinstance(data__outcome__result__usage__totaltokens, bool):
                                        if data__outcome__result__usage__totaltokens < 0:
                                            raise JsonSchemaValueException("" + (name_prefix or "data") + ".outcome.result.usage.total_tokens must be bigger than or equal to 0")
                                        if data__outcome__result__usage__totaltokens > 9007199254740991:
                                            raise JsonSchemaValueException("" + (name_prefix or "data") + ".outcome.result.usage.total_tokens must be smaller than or equal to 9007199254740991")
                                if data__outcome__result__usage_keys:
                                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".outcome.result.usage must not contain "+str(data__outcome__result__usage_keys)+" properties")
                        if "message" in data__outcome__result_keys:
                            data__outcome__result_keys.remove("message")
                            data__outcome__result__message = data__outcome__result["message"]
                            if not isinstance(data__outcome__result__message, (dict)):
                                raise JsonSchemaValueException("" + (name_prefix or "data") + ".outcome.result.message must be object")
                            data__outcome__result__message_is_dict = isinstance(data__outcome__result__message, dict)
                            if data__outcome__result__message_is_dict:
                                data__outcome__result__message_keys = set(data__outcome__result__message.keys())
                                if "tool_calls" in data__outcome__result__message_keys:
                                    data__outcome__result__message_keys.remove("tool_calls")
                                    data__outcome__result__message__toolcalls = data__outcome__result__message["tool_calls"]
                                    if not isinstance(data__outcome__result__message__toolcalls, (list, tuple)):
                                        raise JsonSchemaValueException("" + (name_prefix or "data") + ".outcome.result.message.tool_calls must be array")
                                    data__outcome__result__message__toolcalls_is_list = isinstance(data__outcome__result__message__toolcalls, (list, tuple))
                                    if data__outcome__result__message__toolcalls_is_list:
                                        data__outcome__result__message__toolcalls_len = len(data__outcome__result__message__toolcalls)
                                        if data__outcome__result__message__toolcalls_len > 128:
                                            raise JsonSchemaValueException("" + (name_prefix or "data") + ".outcome.result.message.tool_calls must contain less than or equal to 128 items")
                                        for data__outcome__result__message__toolcalls_x, data__outcome__result__message__toolcalls_item in enumerate(data__outcome__result__message__toolcalls):
                                            if not isinstance(data__outcome__result__message__toolcalls_item, (dict)):
                                                raise JsonSchemaValueException("" + (name_prefix or "data") + ".outcome.result.message.tool_calls[{data__outcome__result__message__toolcalls_x}]".format(**locals()) + " must be object")
                                if "refusal" in data__outcome__result__message_keys:
                                    data__outcome__result__message_keys.remove("refusal")
                                    data__outcome__result__message__refusal = data__outcome__result__message["refusal"]
                                    if not isinstance(data__outcome__result__message__refusal, (str)):
                                        raise JsonSchemaValueException("" + (name_prefix or "data") + ".outcome.result.message.refusal must be string")
                                    if isinstance(data__outcome__result__message__refusal, str):
                                        data__outcome__result__message__refusal_len = len(data__outcome__result__message__refusal)
                                        if data__outcome__result__message__refusal_len > 1048576:
                                            raise JsonSchemaValueException("" + (name_prefix or "data") + ".outcome.result.message.refusal must be shorter than or equal to 1048576 characters")
                                if "reasoning_content" in data__outcome__result__message_keys:
                                    data__outcome__result__message_keys.remove("reasoning_content")
                                    data__outcome__result__message__reasoningcontent = data__outcome__result__message["reasoning_content"]
                                    if not isinstance(data__outcome__result__message__reasoningcontent, (str)):
                                        raise JsonSchemaValueException("" + (name_prefix or "data") + ".outcome.result.message.reasoning_content must be string")
                                    if isinstance(data__outcome__result__message__reasoningcontent, str):
                                        data__outcome__result__message__reasoningcontent_len = len(data__outcome__result__message__reasoningcontent)
                                        if data__outcome__result__message__reasoningcontent_len > 1048576:
                                            raise JsonSchemaValueException("" + (name_prefix or "data") + ".outcome.result.message.reasoning_content must be shorter than or equal to 1048576 characters")
                                if "reasoning" in data__outcome__result__message_keys:
                                    data__outcome__result__message_keys.remove("reasoning")
                                    data__outcome__result__message__reasoning = data__outcome__result__message["reasoning"]
                                    if not isinstance(data__outcome__result__message__reasoning, (str)):
                                        raise JsonSchemaValueException("" + (name_prefix or "data") + ".outcome.result.message.reasoning must be string")
                                    if isinstance(data__outcome__result__message__reasoning, str):
                                        data__outcome__result__message__reasoning_len = len(data__outcome__result__message__reasoning)
                                        if data__outcome__result__message__reasoning_len > 1048576:
                                            raise JsonSchemaValueException("" + (name_prefix or "data") + ".outcome.result.message.reasoning must be shorter than or equal to 1048576 characters")
                                if data__outcome__result__message_keys:
                                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".outcome.result.message must not contain "+str(data__outcome__result__message_keys)+" properties")
                        if "logprobs" in data__outcome__result_keys:
                            data__outcome__result_keys.remove("logprobs")
                            data__outcome__result__logprobs = data__outcome__result["logprobs"]
                            if not isinstance(data__outcome__result__logprobs, (dict)):
                                raise JsonSchemaValueException("" + (name_prefix or "data") + ".outcome.result.logprobs must be object")
                            data__outcome__result__logprobs_is_dict = isinstance(data__outcome__result__logprobs, dict)
                            if data__outcome__result__logprobs_is_dict:
                                data__outcome__result__logprobs_keys = set(data__outcome__result__logprobs.keys())
                                if "content" in data__outcome__result__logprobs_keys:
                                    data__outcome__result__logprobs_keys.remove("content")
                                    data__outcome__result__logprobs__content = data__outcome__result__logprobs["content"]
                                    if not isinstance(data__outcome__result__logprobs__content, (list, tuple, NoneType)):
                                        raise JsonSchemaValueException("" + (name_prefix or "data") + ".outcome.result.logprobs.content must be array or null")
                                    data__outcome__result__logprobs__content_is_list = isinstance(data__outcome__result__logprobs__content, (list, tuple))
                                    if data__outcome__result__logprobs__content_is_list:
                                        data__outcome__result__logprobs__content_len = len(data__outcome__result__logprobs__content)
                                        if data__outcome__result__logprobs__content_len > 100000:
                                            raise JsonSchemaValueException("" + (name_prefix or "data") + ".outcome.result.logprobs.content must contain less than or equal to 100000 items")
                                        for data__outcome__result__logprobs__content_x, data__outcome__result__logprobs__content_item in enumerate(data__outcome__result__logprobs__content):
                                            if not isinstance(data__outcome__result__logprobs__content_item, (dict)):
                                                raise JsonSchemaValueException("" + (name_prefix or "data") + ".outcome.result.logprobs.content[{data__outcome__result__logprobs__content_x}]".format(**locals()) + " must be object")
                                if "refusal" in data__outcome__result__logprobs_keys:
                                    data__outcome__result__logprobs_keys.remove("refusal")
                                    data__outcome__result__logprobs__refusal = data__outcome__result__logprobs["refusal"]
                                    if not isinstance(data__outcome__result__logprobs__refusal, (list, tuple, NoneType)):
                                        raise JsonSchemaValueException("" + (name_prefix or "data") + ".outcome.result.logprobs.refusal must be array or null")
                                    data__outcome__result__logprobs__refusal_is_list = isinstance(data__outcome__result__logprobs__refusal, (list, tuple))
                                    if data__outcome__result__logprobs__refusal_is_list:
                                        data__outcome__result__logprobs__refusal_len = len(data__outcome__result__logprobs__refusal)
                                        if data__outcome__result__logprobs__refusal_len > 100000:
                                            raise JsonSchemaValueException("" + (name_prefix or "data") + ".outcome.result.logprobs.refusal must contain less than or equal to 100000 items")
                                        for data__outcome__result__logprobs__refusal_x, data__outcome__result__logprobs__refusal_item in enumerate(data__outcome__result__logprobs__refusal):
                                            if not isinstance(data__outcome__result__logprobs__refusal_item, (dict)):
                                                raise JsonSchemaValueException("" + (name_prefix or "data") + ".outcome.result.logprobs.refusal[{data__outcome__result__logprobs__refusal_x}]".format(**locals()) + " must be object")
                                if data__outcome__result__logprobs_keys:
                                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".outcome.result.logprobs must not contain "+str(data__outcome__result__logprobs_keys)+" properties")
                        if data__outcome__result_keys:
                            raise JsonSchemaValueException("" + (name_prefix or "data") + ".outcome.result must not contain "+str(data__outcome__result_keys)+" properties")
                if "error" in data__outcome_keys:
                    data__outcome_keys.remove("error")
                    data__outcome__error = data__outcome["error"]
                    if not isinstance(data__outcome__error, (dict)):
                        raise JsonSchemaValueException("" + (name_prefix or "data") + ".outcome.error must be object")
                    data__outcome__error_is_dict = isinstance(data__outcome__error, dict)
                    if data__outcome__error_is_dict:
                        data__outcome__error__missing_keys = set(['code', 'detail']) - data__outcome__error.keys()
                        if data__outcome__error__missing_keys:
                            raise JsonSchemaValueException("" + (name_prefix or "data") + ".outcome.error must contain ")
                        data__outcome__error_keys = set(data__outcome__error.keys())
                        if "code" in data__outcome__error_keys:
                            data__outcome__error_keys.remove("code")
                            data__outcome__error__code = data__outcome__error["code"]
                            if not isinstance(data__outcome__error__code, (str)):
                                raise JsonSchemaValueException("" + (name_prefix or "data") + ".outcome.error.code must be string")
                            try:
                                if isinstance(data__outcome__error__code, str):
                                    if not REGEX_PATTERNS['[^a-z0-9_]'].search(data__outcome__error__code):
                                        raise JsonSchemaValueException("" + (name_prefix or "data") + ".outcome.error.code must match pattern [^a-z0-9_]")
                            except (JsonSchemaValueException, JsonSchemaValuesException): pass
                            else:
                                raise JsonSchemaValueException("" + (name_prefix or "data") + ".outcome.error.code must NOT match a disallowed definition")
                            if isinstance(data__outcome__error__code, str):
                                data__outcome__error__code_len = len(data__outcome__error__code)
                                if data__outcome__error__code_len < 1:
                                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".outcome.error.code must be longer than or equal to 1 characters")
                                if data__outcome__error__code_len > 64:
                                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".outcome.error.code must be shorter than or equal to 64 characters")
                        if "detail" in data__outcome__error_keys:
                            data__outcome__error_keys.remove("detail")
                            data__outcome__error__detail = data__outcome__error["detail"]
                            if not isinstance(data__outcome__error__detail, (str)):
                                raise JsonSchemaValueException("" + (name_prefix or "data") + ".outcome.error.detail must be string")
                            if isinstance(data__outcome__error__detail, str):
                                data__outcome__error__detail_len = len(data__outcome__error__detail)
                                if data__outcome__error__detail_len > 1000:
                                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".outcome.error.detail must be shorter than or equal to 1000 characters")
                        if data__outcome__error_keys:
                            raise JsonSchemaValueException("" + (name_prefix or "data") + ".outcome.error must not contain "+str(data__outcome__error_keys)+" properties")
                if "cancelled" in data__outcome_keys:
                    data__outcome_keys.remove("cancelled")
                    data__outcome__cancelled = data__outcome["cancelled"]
                    if not isinstance(data__outcome__cancelled, (bool)):
                        raise JsonSchemaValueException("" + (name_prefix or "data") + ".outcome.cancelled must be boolean")
                if "retryable" in data__outcome_keys:
                    data__outcome_keys.remove("retryable")
                    data__outcome__retryable = data__outcome["retryable"]
                    if not isinstance(data__outcome__retryable, (bool)):
                        raise JsonSchemaValueException("" + (name_prefix or "data") + ".outcome.retryable must be boolean")
                if "retry_after_seconds" in data__outcome_keys:
                    data__outcome_keys.remove("retry_after_seconds")
                    data__outcome__retryafterseconds = data__outcome["retry_after_seconds"]
                    if not isinstance(data__outcome__retryafterseconds, (int, float, Decimal)) or isinstance(data__outcome__retryafterseconds, bool):
                        raise JsonSchemaValueException("" + (name_prefix or "data") + ".outcome.retry_after_seconds must be number")
                    if isinstance(data__outcome__retryafterseconds, (int, float, Decimal)) and not isinstance(data__outcome__retryafterseconds, bool):
                        if data__outcome__retryafterseconds < 0:
                            raise JsonSchemaValueException("" + (name_prefix or "data") + ".outcome.retry_after_seconds must be bigger than or equal to 0")
                        if data__outcome__retryafterseconds > 1000000000:
                            raise JsonSchemaValueException("" + (name_prefix or "data") + ".outcome.retry_after_seconds must be smaller than or equal to 1000000000")
                if data__outcome_keys:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".outcome must not contain "+str(data__outcome_keys)+" properties")
        if data_keys:
            raise JsonSchemaValueException("" + (name_prefix or "data") + " must not contain "+str(data_keys)+" properties")
    return data

def validate____defs_worker_extend(data, custom_formats={}, name_prefix=None):
    if not isinstance(data, (dict)):
        raise JsonSchemaValueException("" + (name_prefix or "data") + " must be object")
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data__missing_keys = set(['job_id', 'tenant', 'token']) - data.keys()
        if data__missing_keys:
            raise JsonSchemaValueException("" + (name_prefix or "data") + " must contain ")
        data_keys = set(data.keys())
        if "job_id" in data_keys:
            data_keys.remove("job_id")
            data__jobid = data["job_id"]
            if not isinstance(data__jobid, (str)):
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".job_id must be string")
            if isinstance(data__jobid, str):
                data__jobid_len = len(data__jobid)
                if data__jobid_len > 36:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".job_id must be shorter than or equal to 36 characters")
                if not REGEX_PATTERNS['^job_[0-9a-f]{32}'].search(data__jobid):
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".job_id must match pattern ^job_[0-9a-f]{32}")
        if "tenant" in data_keys:
            data_keys.remove("tenant")
            data__tenant = data["tenant"]
            if not isinstance(data__tenant, (str)):
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".tenant must be string")
            try:
                if isinstance(data__tenant, str):
                    if not REGEX_PATTERNS['[^A-Za-z0-9._:@|/+-]'].search(data__tenant):
                        raise JsonSchemaValueException("" + (name_prefix or "data") + ".tenant must match pattern [^A-Za-z0-9._:@|/+-]")
            except (JsonSchemaValueException, JsonSchemaValuesException): pass
            else:
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".tenant must NOT match a disallowed definition")
            if isinstance(data__tenant, str):
                data__tenant_len = len(data__tenant)
                if data__tenant_len < 1:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".tenant must be longer than or equal to 1 characters")
                if data__tenant_len > 128:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".tenant must be shorter than or equal to 128 characters")
        if "token" in data_keys:
            data_keys.remove("token")
            data__token = data["token"]
            if not isinstance(data__token, (str)):
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".token must be string")
            if isinstance(data__token, str):
                data__token_len = len(data__token)
                if data__token_len > 32:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".token must be shorter than or equal to 32 characters")
                if not REGEX_PATTERNS['^[0-9a-f]{32}'].search(data__token):
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".token must match pattern ^[0-9a-f]{32}")
        if "worker" in data_keys:
            data_keys.remove("worker")
            data__worker = data["worker"]
            if not isinstance(data__worker, (str)):
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".worker must be string")
            try:
                if isinstance(data__worker, str):
                    if not REGEX_PATTERNS['[^!-~]'].search(data__worker):
                        raise JsonSchemaValueException("" + (name_prefix or "data") + ".worker must match pattern [^!-~]")
            except (JsonSchemaValueException, JsonSchemaValuesException): pass
            else:
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".worker must NOT match a disallowed definition")
            if isinstance(data__worker, str):
                data__worker_len = len(data__worker)
                if data__worker_len < 1:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".worker must be longer than or equal to 1 characters")
                if data__worker_len > 128:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".worker must be shorter than or equal to 128 characters")
        if "slots" in data_keys:
            data_keys.remove("slots")
            data__slots = data["slots"]
            if not isinstance(data__slots, (int)) and not (isinstance(data__slots, float) and data__slots.is_integer()) or isinstance(data__slots, bool):
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".slots must be integer")
            if isinstance(data__slots, (int, float, Decimal)) and not isinstance(data__slots, bool):
                if data__slots < 1:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".slots must be bigger than or equal to 1")
                if data__slots > 10000:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".slots must be smaller than or equal to 10000")
        if "models" in data_keys:
            data_keys.remove("models")
            data__models = data["models"]
            if not isinstance(data__models, (list, tuple)):
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".models must be array")
            data__models_is_list = isinstance(data__models, (list, tuple))
            if data__models_is_list:
                data__models_len = len(data__models)
                if data__models_len > 32:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".models must contain less than or equal to 32 items")
                for data__models_x, data__models_item in enumerate(data__models):
                    if not isinstance(data__models_item, (str)):
                        raise JsonSchemaValueException("" + (name_prefix or "data") + ".models[{data__models_x}]".format(**locals()) + " must be string")
                    try:
                        if isinstance(data__models_item, str):
                            if not REGEX_PATTERNS['[^A-Za-z0-9._:/@-]'].search(data__models_item):
                                raise JsonSchemaValueException("" + (name_prefix or "data") + ".models[{data__models_x}]".format(**locals()) + " must match pattern [^A-Za-z0-9._:/@-]")
                    except (JsonSchemaValueException, JsonSchemaValuesException): pass
                    else:
                        raise JsonSchemaValueException("" + (name_prefix or "data") + ".models[{data__models_x}]".format(**locals()) + " must NOT match a disallowed definition")
                    if isinstance(data__models_item, str):
                        data__models_item_len = len(data__models_item)
                        if data__models_item_len < 1:
                            raise JsonSchemaValueException("" + (name_prefix or "data") + ".models[{data__models_x}]".format(**locals()) + " must be longer than or equal to 1 characters")
                        if data__models_item_len > 128:
                            raise JsonSchemaValueException("" + (name_prefix or "data") + ".models[{data__models_x}]".format(**locals()) + " must be shorter than or equal to 128 characters")
                        if not REGEX_PATTERNS['^[A-Za-z0-9]'].search(data__models_item):
                            raise JsonSchemaValueException("" + (name_prefix or "data") + ".models[{data__models_x}]".format(**locals()) + " must match pattern ^[A-Za-z0-9]")
        if data_keys:
            raise JsonSchemaValueException("" + (name_prefix or "data") + " must not contain "+str(data_keys)+" properties")
    return data

def validate____defs_worker_append(data, custom_formats={}, name_prefix=None):
    if not isinstance(data, (dict)):
        raise JsonSchemaValueException("" + (name_prefix or "data") + " must be object")
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data__missing_keys = set(['job_id', 'tenant', 'token', 'offset', 'chunks']) - data.keys()
        if data__missing_keys:
            raise JsonSchemaValueException("" + (name_prefix or "data") + " must contain ")
        data_keys = set(data.keys())
        if "job_id" in data_keys:
            data_keys.remove("job_id")
            data__jobid = data["job_id"]
            if not isinstance(data__jobid, (str)):
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".job_id must be string")
            if isinstance(data__jobid, str):
                data__jobid_len = len(data__jobid)
                if data__jobid_len > 36:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".job_id must be shorter than or equal to 36 characters")
                if not REGEX_PATTERNS['^job_[0-9a-f]{32}'].search(data__jobid):
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".job_id must match pattern ^job_[0-9a-f]{32}")
        if "tenant" in data_keys:
            data_keys.remove("tenant")
            data__tenant = data["tenant"]
            if not isinstance(data__tenant, (str)):
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".tenant must be string")
            try:
                if isinstance(data__tenant, str):
                    if not REGEX_PATTERNS['[^A-Za-z0-9._:@|/+-]'].search(data__tenant):
                        raise JsonSchemaValueException("" + (name_prefix or "data") + ".tenant must match pattern [^A-Za-z0-9._:@|/+-]")
            except (JsonSchemaValueException, JsonSchemaValuesException): pass
            else:
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".tenant must NOT match a disallowed definition")
            if isinstance(data__tenant, str):
                data__tenant_len = len(data__tenant)
                if data__tenant_len < 1:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".tenant must be longer than or equal to 1 characters")
                if data__tenant_len > 128:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".tenant must be shorter than or equal to 128 characters")
        if "token" in data_keys:
            data_keys.remove("token")
            data__token = data["token"]
            if not isinstance(data__token, (str)):
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".token must be string")
            if isinstance(data__token, str):
                data__token_len = len(data__token)
                if data__token_len > 32:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".token must be shorter than or equal to 32 characters")
                if not REGEX_PATTERNS['^[0-9a-f]{32}'].search(data__token):
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".token must match pattern ^[0-9a-f]{32}")
        if "offset" in data_keys:
            data_keys.remove("offset")
            data__offset = data["offset"]
            if not isinstance(data__offset, (int)) and not (isinstance(data__offset, float) and data__offset.is_integer()) or isinstance(data__offset, bool):
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".offset must be integer")
            if isinstance(data__offset, (int, float, Decimal)) and not isinstance(data__offset, bool):
                if data__offset < 0:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".offset must be bigger than or equal to 0")
                if data__offset > 999999999:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".offset must be smaller than or equal to 999999999")
        if "chunks" in data_keys:
            data_keys.remove("chunks")
            data__chunks = data["chunks"]
            if not isinstance(data__chunks, (list, tuple)):
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".chunks must be array")
            data__chunks_is_list = isinstance(data__chunks, (list, tuple))
            if data__chunks_is_list:
                data__chunks_len = len(data__chunks)
                if data__chunks_len < 1:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".chunks must contain at least 1 items")
                if data__chunks_len > 10000:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".chunks must contain less than or equal to 10000 items")
                for data__chunks_x, data__chunks_item in enumerate(data__chunks):
                    if not isinstance(data__chunks_item, (str)):
                        raise JsonSchemaValueException("" + (name_prefix or "data") + ".chunks[{data__chunks_x}]".format(**locals()) + " must be string")
                    if isinstance(data__chunks_item, str):
                        data__chunks_item_len = len(data__chunks_item)
                        if data__chunks_item_len > 1048576:
                            raise JsonSchemaValueException("" + (name_prefix or "data") + ".chunks[{data__chunks_x}]".format(**locals()) + " must be shorter than or equal to 1048576 characters")
        if data_keys:
            raise JsonSchemaValueException("" + (name_prefix or "data") + " must not contain "+str(data_keys)+" properties")
    return data

def validate____defs_retry(data, custom_formats={}, name_prefix=None):
    if not isinstance(data, (dict)):
        raise JsonSchemaValueException("" + (name_prefix or "data") + " must be object")
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data__missing_keys = set(['version']) - data.keys()
        if data__missing_keys:
            raise JsonSchemaValueException("" + (name_prefix or "data") + " must contain ")
        data_keys = set(data.keys())
        if "version" in data_keys:
            data_keys.remove("version")
            data__version = data["version"]
            if not isinstance(data__version, (int)) and not (isinstance(data__version, float) and data__version.is_integer()) or isinstance(data__version, bool):
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".version must be integer")
            if isinstance(data__version, (int, float, Decimal)) and not isinstance(data__version, bool):
                if data__version < 1:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".version must be bigger than or equal to 1")
                if data__version > 9007199254740991:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".version must be smaller than or equal to 9007199254740991")
        if data_keys:
            raise JsonSchemaValueException("" + (name_prefix or "data") + " must not contain "+str(data_keys)+" properties")
    return data

def validate____defs_response_request(data, custom_formats={}, name_prefix=None):
    if not isinstance(data, (dict)):
        raise JsonSchemaValueException("" + (name_prefix or "data") + " must be object")
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data__missing_keys = set(['input']) - data.keys()
        if data__missing_keys:
            raise JsonSchemaValueException("" + (name_prefix or "data") + " must contain ")
        data_keys = set(data.keys())
        if "input" in data_keys:
            data_keys.remove("input")
            data__input = data["input"]
            if not isinstance(data__input, (str, list, tuple)):
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".input must be string or array")
            data__input_is_list = isinstance(data__input, (list, tuple))
            if data__input_is_list:
                data__input_len = len(data__input)
                if data__input_len < 1:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".input must contain at least 1 items")
                if data__input_len > 2048:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".input must contain less than or equal to 2048 items")
                for data__input_x, data__input_item in enumerate(data__input):
                    if not isinstance(data__input_item, (dict)):
                        raise JsonSchemaValueException("" + (name_prefix or "data") + ".input[{data__input_x}]".format(**locals()) + " must be object")
        if "instructions" in data_keys:
            data_keys.remove("instructions")
            data__instructions = data["instructions"]
            if not isinstance(data__instructions, (str, NoneType)):
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".instructions must be string or null")
        if "previous_response_id" in data_keys:
            data_keys.remove("previous_response_id")
            data__previousresponseid = data["previous_response_id"]
            if not isinstance(data__previousresponseid, (str, NoneType)):
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".previous_response_id must be string or null")
        if "background" in data_keys:
            data_keys.remove("background")
            data__background = data["background"]
            if not isinstance(data__background, (bool, NoneType)):
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".background must be boolean or null")
        if "model" in data_keys:
            data_keys.remove("model")
            data__model = data["model"]
            if not isinstance(data__model, (str, NoneType)):
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".model must be string or null")
            try:
                if not isinstance(data__model, (str)):
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".model must be string")
                if isinstance(data__model, str):
                    if not REGEX_PATTERNS['[^A-Za-z0-9._:/@-]'].search(data__model):
                        raise JsonSchemaValueException("" + (name_prefix or "data") + ".model must match pattern [^A-Za-z0-9._:/@-]")
            except (JsonSchemaValueException, JsonSchemaValuesException): pass
            else:
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".model must NOT match a disallowed definition")
            if isinstance(data__model, str):
                data__model_len = len(data__model)
                if data__model_len < 1:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".model must be longer than or equal to 1 characters")
                if data__model_len > 128:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".model must be shorter than or equal to 128 characters")
                if not REGEX_PATTERNS['^[A-Za-z0-9]'].search(data__model):
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".model must match pattern ^[A-Za-z0-9]")
        if "max_output_tokens" in data_keys:
            data_keys.remove("max_output_tokens")
            data__maxoutputtokens = data["max_output_tokens"]
            if not isinstance(data__maxoutputtokens, (int, NoneType)) and not (isinstance(data__maxoutputtokens, float) and data__maxoutputtokens.is_integer()) or isinstance(data__maxoutputtokens, bool):
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".max_output_tokens must be integer or null")
            if isinstance(data__maxoutputtokens, (int, float, Decimal)) and not isinstance(data__maxoutputtokens, bool):
                if data__maxoutputtokens < 1:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".max_output_tokens must be bigger than or equal to 1")
                if data__maxoutputtokens > 2147483647:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".max_output_tokens must be smaller than or equal to 2147483647")
        if "temperature" in data_keys:
            data_keys.remove("temperature")
            data__temperature = data["temperature"]
            if not isinstance(data__temperature, (int, float, Decimal, NoneType)) or isinstance(data__temperature, bool):
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".temperature must be number or null")
            if isinstance(data__temperature, (int, float, Decimal)) and not isinstance(data__temperature, bool):
                if data__temperature < 0:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".temperature must be bigger than or equal to 0")
                if data__temperature > 2:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".temperature must be smaller than or equal to 2")
        if "top_p" in data_keys:
            data_keys.remove("top_p")
            data__topp = data["top_p"]
            if not isinstance(data__topp, (int, float, Decimal, NoneType)) or isinstance(data__topp, bool):
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".top_p must be number or null")
            if isinstance(data__topp, (int, float, Decimal)) and not isinstance(data__topp, bool):
                if data__topp < 0:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".top_p must be bigger than or equal to 0")
                if data__topp > 1:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".top_p must be smaller than or equal to 1")
        if "stop" in data_keys:
            data_keys.remove("stop")
            data__stop = data["stop"]
            if not isinstance(data__stop, (str, list, tuple, NoneType)):
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".stop must be string or array or null")
            if isinstance(data__stop, str):
                data__stop_len = len(data__stop)
                if data__stop_len > 256:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".stop must be shorter than or equal to 256 characters")
            data__stop_is_list = isinstance(data__stop, (list, tuple))
            if data__stop_is_list:
                data__stop_len = len(data__stop)
                if data__stop_len > 16:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".stop must contain less than or equal to 16 items")
                for data__stop_x, data__stop_item in enumerate(data__stop):
                    if not isinstance(data__stop_item, (str)):
                        raise JsonSchemaValueException("" + (name_prefix or "data") + ".stop[{data__stop_x}]".format(**locals()) + " must be string")
                    if isinstance(data__stop_item, str):
                        data__stop_item_len = len(data__stop_item)
                        if data__stop_item_len < 1:
                            raise JsonSchemaValueException("" + (name_prefix or "data") + ".stop[{data__stop_x}]".format(**locals()) + " must be longer than or equal to 1 characters")
                        if data__stop_item_len > 256:
                            raise JsonSchemaValueException("" + (name_prefix or "data") + ".stop[{data__stop_x}]".format(**locals()) + " must be shorter than or equal to 256 characters")
        if "seed" in data_keys:
            data_keys.remove("seed")
            data__seed = data["seed"]
            if not isinstance(data__seed, (int, NoneType)) and not (isinstance(data__seed, float) and data__seed.is_integer()) or isinstance(data__seed, bool):
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".seed must be integer or null")
            if isinstance(data__seed, (int, float, Decimal)) and not isinstance(data__seed, bool):
                if data__seed < -9007199254740991:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".seed must be bigger than or equal to -9007199254740991")
                if data__seed > 9007199254740991:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".seed must be smaller than or equal to 9007199254740991")
        if "stream" in data_keys:
            data_keys.remove("stream")
            data__stream = data["stream"]
            if not isinstance(data__stream, (bool, NoneType)):
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".stream must be boolean or null")
        if "metadata" in data_keys:
            data_keys.remove("metadata")
            data__metadata = data["metadata"]
            if not isinstance(data__metadata, (dict, NoneType)):
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".metadata must be object or null")
            data__metadata_is_dict = isinstance(data__metadata, dict)
            if data__metadata_is_dict:
                data__metadata_len = len(data__metadata)
                if data__metadata_len > 16:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".metadata must contain less than or equal to 16 properties")
                data__metadata_keys = set(data__metadata.keys())
                for data__metadata_key in data__metadata_keys:
                    if data__metadata_key not in []:
                        data__metadata_value = data__metadata.get(data__metadata_key)
                        if not isinstance(data__metadata_value, (str)):
                            raise JsonSchemaValueException("" + (name_prefix or "data") + ".metadata.{data__metadata_key}".format(**locals()) + " must be string")
                        if isinstance(data__metadata_value, str):
                            data__metadata_value_len = len(data__metadata_value)
                            if data__metadata_value_len > 512:
                                raise JsonSchemaValueException("" + (name_prefix or "data") + ".metadata.{data__metadata_key}".format(**locals()) + " must be shorter than or equal to 512 characters")
                if data__metadata_len != 0:
                    data__metadata_property_names = True
                    for data__metadata_key in data__metadata:
                        try:
                            if isinstance(data__metadata_key, str):
                                data__metadata_key_len = len(data__metadata_key)
                                if data__metadata_key_len < 1:
                                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".metadata must be longer than or equal to 1 characters")
                                if data__metadata_key_len > 64:
                                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".metadata must be shorter than or equal to 64 characters")
                        except (JsonSchemaValueException, JsonSchemaValuesException):
                            data__metadata_property_names = False
                    if not data__metadata_property_names:
                        raise JsonSchemaValueException("" + (name_prefix or "data") + ".metadata must be named by propertyName definition")
        if "tools" in data_keys:
            data_keys.remove("tools")
            data__tools = data["tools"]
            if not isinstance(data__tools, (list, tuple, NoneType)):
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".tools must be array or null")
            data__tools_is_list = isinstance(data__tools, (list, tuple))
            if data__tools_is_list:
                data__tools_len = len(data__tools)
                if data__tools_len > 256:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".tools must contain less than or equal to 256 items")
                for data__tools_x, data__tools_item in enumerate(data__tools):
                    if not isinstance(data__tools_item, (dict)):
                        raise JsonSchemaValueException("" + (name_prefix or "data") + ".tools[{data__tools_x}]".format(**locals()) + " must be object")
                    data__tools_item_is_dict = isinstance(data__tools_item, dict)
                    if data__tools_item_is_dict:
                        data__tools_item__missing_keys = set(['type']) - data__tools_item.keys()
                        if data__tools_item__missing_keys:
                            raise JsonSchemaValueException("" + (name_prefix or "data") + ".tools[{data__tools_x}]".format(**locals()) + " must contain ")
                        data__tools_item_keys = set(data__tools_item.keys())
                        if "type" in data__tools_item_keys:
                            data__tools_item_keys.remove("type")
                            data__tools_item__type = data__tools_item["type"]
                            if not isinstance(data__tools_item__type, (str)):
                                raise JsonSchemaValueException("" + (name_prefix or "data") + ".tools[{data__tools_x}].type".format(**locals()) + " must be string")
        if "tool_choice" in data_keys:
            data_keys.remove("tool_choice")
            data__toolchoice = data["tool_choice"]
            if not isinstance(data__toolchoice, (str, dict, NoneType)):
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".tool_choice must be string or object or null")
        if "parallel_tool_calls" in data_keys:
            data_keys.remove("parallel_tool_calls")
            data__paralleltoolcalls = data["parallel_tool_calls"]
            if not isinstance(data__paralleltoolcalls, (bool, NoneType)):
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".parallel_tool_calls must be boolean or null")
        if "text" in data_keys:
            data_keys.remove("text")
            data__text = data["text"]
            if not isinstance(data__text, (dict, NoneType)):
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".text must be object or null")
            data__text_is_dict = isinstance(data__text, dict)
            if data__text_is_dict:
                data__text_keys = set(data__text.keys())
                if "format" in data__text_keys:
                    data__text_keys.remove("format")
                    data__text__format = data__text["format"]
                    if not isinstance(data__text__format, (dict, NoneType)):
                        raise JsonSchemaValueException("" + (name_prefix or "data") + ".text.format must be object or null")
                    data__text__format_is_dict = isinstance(data__text__format, dict)
                    if data__text__format_is_dict:
                        data__text__format_keys = set(data__text__format.keys())
                        if "type" in data__text__format_keys:
                            data__text__format_keys.remove("type")
                            data__text__format__type = data__text__format["type"]
                            if not isinstance(data__text__format__type, (str)):
                                raise JsonSchemaValueException("" + (name_prefix or "data") + ".text.format.type must be string")
                if "verbosity" in data__text_keys:
                    data__text_keys.remove("verbosity")
                    data__text__verbosity = data__text["verbosity"]
                    if not isinstance(data__text__verbosity, (str, NoneType)):
                        raise JsonSchemaValueException("" + (name_prefix or "data") + ".text.verbosity must be string or null")
                    if isinstance(data__text__verbosity, str):
                        data__text__verbosity_len = len(data__text__verbosity)
                        if data__text__verbosity_len > 64:
                            raise JsonSchemaValueException("" + (name_prefix or "data") + ".text.verbosity must be shorter than or equal to 64 characters")
        if "reasoning" in data_keys:
            data_keys.remove("reasoning")
            data__reasoning = data["reasoning"]
            if not isinstance(data__reasoning, (dict, NoneType)):
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".reasoning must be object or null")
            data__reasoning_is_dict = isinstance(data__reasoning, dict)
            if data__reasoning_is_dict:
                data__reasoning_keys = set(data__reasoning.keys())
                if "effort" in data__reasoning_keys:
                    data__reasoning_keys.remove("effort")
                    data__reasoning__effort = data__reasoning["effort"]
                    if not isinstance(data__reasoning__effort, (str, NoneType)):
                        raise JsonSchemaValueException("" + (name_prefix or "data") + ".reasoning.effort must be string or null")
                    if isinstance(data__reasoning__effort, str):
                        data__reasoning__effort_len = len(data__reasoning__effort)
                        if data__reasoning__effort_len > 64:
                            raise JsonSchemaValueException("" + (name_prefix or "data") + ".reasoning.effort must be shorter than or equal to 64 characters")
        if "include" in data_keys:
            data_keys.remove("include")
            data__include = data["include"]
            if not isinstance(data__include, (list, tuple, NoneType)):
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".include must be array or null")
            data__include_is_list = isinstance(data__include, (list, tuple))
            if data__include_is_list:
                data__include_len = len(data__include)
                if data__include_len > 32:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".include must contain less than or equal to 32 items")
                for data__include_x, data__include_item in enumerate(data__include):
                    if not isinstance(data__include_item, (str)):
                        raise JsonSchemaValueException("" + (name_prefix or "data") + ".include[{data__include_x}]".format(**locals()) + " must be string")
                    if isinstance(data__include_item, str):
                        data__include_item_len = len(data__include_item)
                        if data__include_item_len > 128:
                            raise JsonSchemaValueException("" + (name_prefix or "data") + ".include[{data__include_x}]".format(**locals()) + " must be shorter than or equal to 128 characters")
        if "top_logprobs" in data_keys:
            data_keys.remove("top_logprobs")
            data__toplogprobs = data["top_logprobs"]
            if not isinstance(data__toplogprobs, (int, NoneType)) and not (isinstance(data__toplogprobs, float) and data__toplogprobs.is_integer()) or isinstance(data__toplogprobs, bool):
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".top_logprobs must be integer or null")
            if isinstance(data__toplogprobs, (int, float, Decimal)) and not isinstance(data__toplogprobs, bool):
                if data__toplogprobs < 0:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".top_logprobs must be bigger than or equal to 0")
                if data__toplogprobs > 20:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".top_logprobs must be smaller than or equal to 20")
        if "truncation" in data_keys:
            data_keys.remove("truncation")
            data__truncation = data["truncation"]
            if not isinstance(data__truncation, (str, NoneType)):
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".truncation must be string or null")
            if isinstance(data__truncation, str):
                data__truncation_len = len(data__truncation)
                if data__truncation_len > 64:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".truncation must be shorter than or equal to 64 characters")
    return data

def validate____defs_register(data, custom_formats={}, name_prefix=None):
    if not isinstance(data, (dict)):
        raise JsonSchemaValueException("" + (name_prefix or "data") + " must be object")
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data__missing_keys = set(['key']) - data.keys()
        if data__missing_keys:
            raise JsonSchemaValueException("" + (name_prefix or "data") + " must contain ")
        data_keys = set(data.keys())
        if "key" in data_keys:
            data_keys.remove("key")
            data__key = data["key"]
            if not isinstance(data__key, (str)):
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".key must be string")
            if isinstance(data__key, str):
                data__key_len = len(data__key)
                if data__key_len < 1:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".key must be longer than or equal to 1 characters")
                if data__key_len > 8200:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".key must be shorter than or equal to 8200 characters")
        if data_keys:
            raise JsonSchemaValueException("" + (name_prefix or "data") + " must not contain "+str(data_keys)+" properties")
    return data

def validate____defs_redrive(data, custom_formats={}, name_prefix=None):
    if not isinstance(data, (dict)):
        raise JsonSchemaValueException("" + (name_prefix or "data") + " must be object")
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data__missing_keys = set(['jobs']) - data.keys()
        if data__missing_keys:
            raise JsonSchemaValueException("" + (name_prefix or "data") + " must contain ")
        data_keys = set(data.keys())
        if "jobs" in data_keys:
            data_keys.remove("jobs")
            data__jobs = data["jobs"]
            if not isinstance(data__jobs, (list, tuple)):
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".jobs must be array")
            data__jobs_is_list = isinstance(data__jobs, (list, tuple))
            if data__jobs_is_list:
                data__jobs_len = len(data__jobs)
                if data__jobs_len < 1:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".jobs must contain at least 1 items")
                if data__jobs_len > 100:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".jobs must contain less than or equal to 100 items")
                for data__jobs_x, data__jobs_item in enumerate(data__jobs):
                    if not isinstance(data__jobs_item, (dict)):
                        raise JsonSchemaValueException("" + (name_prefix or "data") + ".jobs[{data__jobs_x}]".format(**locals()) + " must be object")
                    data__jobs_item_is_dict = isinstance(data__jobs_item, dict)
                    if data__jobs_item_is_dict:
                        data__jobs_item__missing_keys = set(['tenant', 'id', 'version']) - data__jobs_item.keys()
                        if data__jobs_item__missing_keys:
                            raise JsonSchemaValueException("" + (name_prefix or "data") + ".jobs[{data__jobs_x}]".format(**locals()) + " must contain ")
                        data__jobs_item_keys = set(data__jobs_item.keys())
                        if "tenant" in data__jobs_item_keys:
                            data__jobs_item_keys.remove("tenant")
                            data__jobs_item__tenant = data__jobs_item["tenant"]
                            if not isinstance(data__jobs_item__tenant, (str)):
                                raise JsonSchemaValueException("" + (name_prefix or "data") + ".jobs[{data__jobs_x}].tenant".format(**locals()) + " must be string")
                            try:
                                if isinstance(data__jobs_item__tenant, str):
                                    if not REGEX_PATTERNS['[^A-Za-z0-9._:@|/+-]'].search(data__jobs_item__tenant):
                                        raise JsonSchemaValueException("" + (name_prefix or "data") + ".jobs[{data__jobs_x}].tenant".format(**locals()) + " must match pattern [^A-Za-z0-9._:@|/+-]")
                            except (JsonSchemaValueException, JsonSchemaValuesException): pass
                            else:
                                raise JsonSchemaValueException("" + (name_prefix or "data") + ".jobs[{data__jobs_x}].tenant".format(**locals()) + " must NOT match a disallowed definition")
                            if isinstance(data__jobs_item__tenant, str):
                                data__jobs_item__tenant_len = len(data__jobs_item__tenant)
                                if data__jobs_item__tenant_len < 1:
                                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".jobs[{data__jobs_x}].tenant".format(**locals()) + " must be longer than or equal to 1 characters")
                                if data__jobs_item__tenant_len > 128:
                                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".jobs[{data__jobs_x}].tenant".format(**locals()) + " must be shorter than or equal to 128 characters")
                        if "id" in data__jobs_item_keys:
                            data__jobs_item_keys.remove("id")
                            data__jobs_item__id = data__jobs_item["id"]
                            if not isinstance(data__jobs_item__id, (str)):
                                raise JsonSchemaValueException("" + (name_prefix or "data") + ".jobs[{data__jobs_x}].id".format(**locals()) + " must be string")
                            if isinstance(data__jobs_item__id, str):
                                data__jobs_item__id_len = len(data__jobs_item__id)
                                if data__jobs_item__id_len > 36:
                                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".jobs[{data__jobs_x}].id".format(**locals()) + " must be shorter than or equal to 36 characters")
                                if not REGEX_PATTERNS['^job_[0-9a-f]{32}'].search(data__jobs_item__id):
                                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".jobs[{data__jobs_x}].id".format(**locals()) + " must match pattern ^job_[0-9a-f]{32}")
                        if "version" in data__jobs_item_keys:
                            data__jobs_item_keys.remove("version")
                            data__jobs_item__version = data__jobs_item["version"]
                            if not isinstance(data__jobs_item__version, (int)) and not (isinstance(data__jobs_item__version, float) and data__jobs_item__version.is_integer()) or isinstance(data__jobs_item__version, bool):
                                raise JsonSchemaValueException("" + (name_prefix or "data") + ".jobs[{data__jobs_x}].version".format(**locals()) + " must be integer")
                            if isinstance(data__jobs_item__version, (int, float, Decimal)) and not isinstance(data__jobs_item__version, bool):
                                if data__jobs_item__version < 1:
                                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".jobs[{data__jobs_x}].version".format(**locals()) + " must be bigger than or equal to 1")
                                if data__jobs_item__version > 9007199254740991:
                                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".jobs[{data__jobs_x}].version".format(**locals()) + " must be smaller than or equal to 9007199254740991")
                        if data__jobs_item_keys:
                            raise JsonSchemaValueException("" + (name_prefix or "data") + ".jobs[{data__jobs_x}]".format(**locals()) + " must not contain "+str(data__jobs_item_keys)+" properties")
        if data_keys:
            raise JsonSchemaValueException("" + (name_prefix or "data") + " must not contain "+str(data_keys)+" properties")
    return data

def validate____defs_infer(data, custom_formats={}, name_prefix=None):
    if not isinstance(data, (dict)):
        raise JsonSchemaValueException("" + (name_prefix or "data") + " must be object")
    data_one_of_count2 = 0
    if data_one_of_count2 < 2:
        try:
            data_is_dict = isinstance(data, dict)
            if data_is_dict:
                data__missing_keys = set(['prompt']) - data.keys()
                if data__missing_keys:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + " must contain ")
            data_one_of_count2 += 1
        except (JsonSchemaValueException, JsonSchemaValuesException): pass
    if data_one_of_count2 < 2:
        try:
            data_is_dict = isinstance(data, dict)
            if data_is_dict:
                data__missing_keys = set(['messages']) - data.keys()
                if data__missing_keys:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + " must contain ")
            data_one_of_count2 += 1
        except (JsonSchemaValueException, JsonSchemaValuesException): pass
    if data_one_of_count2 != 1:
        raise JsonSchemaValueException("" + (name_prefix or "data") + " must be valid exactly by one definition")
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data_keys = set(data.keys())
        if "prompt" in data_keys:
            data_keys.remove("prompt")
            data__prompt = data["prompt"]
            if not isinstance(data__prompt, (str)):
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".prompt must be string")
            if isinstance(data__prompt, str):
                data__prompt_len = len(data__prompt)
                if data__prompt_len < 1:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".prompt must be longer than or equal to 1 characters")
                if data__prompt_len > 100000:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".prompt must be shorter than or equal to 100000 characters")
        if "messages" in data_keys:
            data_keys.remove("messages")
            data__messages = data["messages"]
            if not isinstance(data__messages, (list, tuple)):
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".messages must be array")
            data__messages_is_list = isinstance(data__messages, (list, tuple))
            if data__messages_is_list:
                data__messages_len = len(data__messages)
                if data__messages_len < 1:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".messages must contain at least 1 items")
                if data__messages_len > 256:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".messages must contain less than or equal to 256 items")
                for data__messages_x, data__messages_item in enumerate(data__messages):
                    if not isinstance(data__messages_item, (dict)):
                        raise JsonSchemaValueException("" + (name_prefix or "data") + ".messages[{data__messages_x}]".format(**locals()) + " must be object")
                    data__messages_item_is_dict = isinstance(data__messages_item, dict)
                    if data__messages_item_is_dict:
                        data__messages_item__missing_keys = set(['role', 'content']) - data__messages_item.keys()
                        if data__messages_item__missing_keys:
                            raise JsonSchemaValueException("" + (name_prefix or "data") + ".messages[{data__messages_x}]".format(**locals()) + " must contain ")
                        data__messages_item_keys = set(data__messages_item.keys())
                        if "role" in data__messages_item_keys:
                            data__messages_item_keys.remove("role")
                            data__messages_item__role = data__messages_item["role"]
                            if not isinstance(data__messages_item__role, (str)):
                                raise JsonSchemaValueException("" + (name_prefix or "data") + ".messages[{data__messages_x}].role".format(**locals()) + " must be string")
                            if not (isinstance(data__messages_item__role, str) and data__messages_item__role == 'system' or isinstance(data__messages_item__role, str) and data__messages_item__role == 'user' or isinstance(data__messages_item__role, str) and data__messages_item__role == 'assistant'):
                                raise JsonSchemaValueException("" + (name_prefix or "data") + ".messages[{data__messages_x}].role".format(**locals()) + " must be one of ['system', 'user', 'assistant']")
                        if "content" in data__messages_item_keys:
                            data__messages_item_keys.remove("content")
                            data__messages_item__content = data__messages_item["content"]
                            if not isinstance(data__messages_item__content, (str)):
                                raise JsonSchemaValueException("" + (name_prefix or "data") + ".messages[{data__messages_x}].content".format(**locals()) + " must be string")
                            if isinstance(data__messages_item__content, str):
                                data__messages_item__content_len = len(data__messages_item__content)
                                if data__messages_item__content_len > 100000:
                                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".messages[{data__messages_x}].content".format(**locals()) + " must be shorter than or equal to 100000 characters")
                        if data__messages_item_keys:
                            raise JsonSchemaValueException("" + (name_prefix or "data") + ".messages[{data__messages_x}]".format(**locals()) + " must not contain "+str(data__messages_item_keys)+" properties")
        if "model" in data_keys:
            data_keys.remove("model")
            data__model = data["model"]
            if not isinstance(data__model, (str)):
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".model must be string")
            try:
                if isinstance(data__model, str):
                    if not REGEX_PATTERNS['[^A-Za-z0-9._:/@-]'].search(data__model):
                        raise JsonSchemaValueException("" + (name_prefix or "data") + ".model must match pattern [^A-Za-z0-9._:/@-]")
            except (JsonSchemaValueException, JsonSchemaValuesException): pass
            else:
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".model must NOT match a disallowed definition")
            if isinstance(data__model, str):
                data__model_len = len(data__model)
                if data__model_len < 1:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".model must be longer than or equal to 1 characters")
                if data__model_len > 128:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".model must be shorter than or equal to 128 characters")
                if not REGEX_PATTERNS['^[A-Za-z0-9]'].search(data__model):
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".model must match pattern ^[A-Za-z0-9]")
        if "max_tokens" in data_keys:
            data_keys.remove("max_tokens")
            data__maxtokens = data["max_tokens"]
            if not isinstance(data__maxtokens, (int)) and not (isinstance(data__maxtokens, float) and data__maxtokens.is_integer()) or isinstance(data__maxtokens, bool):
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".max_tokens must be integer")
            if isinstance(data__maxtokens, (int, float, Decimal)) and not isinstance(data__maxtokens, bool):
                if data__maxtokens < 1:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".max_tokens must be bigger than or equal to 1")
                if data__maxtokens > 32768:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".max_tokens must be smaller than or equal to 32768")
        if "temperature" in data_keys:
            data_keys.remove("temperature")
            data__temperature = data["temperature"]
            if not isinstance(data__temperature, (int, float, Decimal)) or isinstance(data__temperature, bool):
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".temperature must be number")
            if isinstance(data__temperature, (int, float, Decimal)) and not isinstance(data__temperature, bool):
                if data__temperature < 0:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".temperature must be bigger than or equal to 0")
                if data__temperature > 2:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".temperature must be smaller than or equal to 2")
        if "top_p" in data_keys:
            data_keys.remove("top_p")
            data__topp = data["top_p"]
            if not isinstance(data__topp, (int, float, Decimal)) or isinstance(data__topp, bool):
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".top_p must be number")
            if isinstance(data__topp, (int, float, Decimal)) and not isinstance(data__topp, bool):
                if data__topp > 1:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".top_p must be smaller than or equal to 1")
                if data__topp <= 0:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".top_p must be bigger than 0")
        if "stop" in data_keys:
            data_keys.remove("stop")
            data__stop = data["stop"]
            if not isinstance(data__stop, (str, list, tuple)):
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".stop must be string or array")
            if isinstance(data__stop, str):
                data__stop_len = len(data__stop)
                if data__stop_len < 1:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".stop must be longer than or equal to 1 characters")
                if data__stop_len > 64:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".stop must be shorter than or equal to 64 characters")
            data__stop_is_list = isinstance(data__stop, (list, tuple))
            if data__stop_is_list:
                data__stop_len = len(data__stop)
                if data__stop_len < 1:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".stop must contain at least 1 items")
                if data__stop_len > 4:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".stop must contain less than or equal to 4 items")
                for data__stop_x, data__stop_item in enumerate(data__stop):
                    if not isinstance(data__stop_item, (str)):
                        raise JsonSchemaValueException("" + (name_prefix or "data") + ".stop[{data__stop_x}]".format(**locals()) + " must be string")
                    if isinstance(data__stop_item, str):
                        data__stop_item_len = len(data__stop_item)
                        if data__stop_item_len < 1:
                            raise JsonSchemaValueException("" + (name_prefix or "data") + ".stop[{data__stop_x}]".format(**locals()) + " must be longer than or equal to 1 characters")
                        if data__stop_item_len > 64:
                            raise JsonSchemaValueException("" + (name_prefix or "data") + ".stop[{data__stop_x}]".format(**locals()) + " must be shorter than or equal to 64 characters")
        if "seed" in data_keys:
            data_keys.remove("seed")
            data__seed = data["seed"]
            if not isinstance(data__seed, (int)) and not (isinstance(data__seed, float) and data__seed.is_integer()) or isinstance(data__seed, bool):
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".seed must be integer")
            if isinstance(data__seed, (int, float, Decimal)) and not isinstance(data__seed, bool):
                if data__seed < -9007199254740991:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".seed must be bigger than or equal to -9007199254740991")
                if data__seed > 9007199254740991:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".seed must be smaller than or equal to 9007199254740991")
        if "priority" in data_keys:
            data_keys.remove("priority")
            data__priority = data["priority"]
            if not isinstance(data__priority, (str)):
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".priority must be string")
            if not (isinstance(data__priority, str) and data__priority == 'high' or isinstance(data__priority, str) and data__priority == 'normal' or isinstance(data__priority, str) and data__priority == 'low'):
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".priority must be one of ['high', 'normal', 'low']")
        if "deadline_seconds" in data_keys:
            data_keys.remove("deadline_seconds")
            data__deadlineseconds = data["deadline_seconds"]
            if not isinstance(data__deadlineseconds, (int, float, Decimal)) or isinstance(data__deadlineseconds, bool):
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".deadline_seconds must be number")
            if isinstance(data__deadlineseconds, (int, float, Decimal)) and not isinstance(data__deadlineseconds, bool):
                if data__deadlineseconds > 604800:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".deadline_seconds must be smaller than or equal to 604800")
                if data__deadlineseconds <= 0:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".deadline_seconds must be bigger than 0")
        if "metadata" in data_keys:
            data_keys.remove("metadata")
            data__metadata = data["metadata"]
            if not isinstance(data__metadata, (dict)):
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".metadata must be object")
            data__metadata_is_dict = isinstance(data__metadata, dict)
            if data__metadata_is_dict:
                data__metadata_len = len(data__metadata)
                if data__metadata_len > 16:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".metadata must contain less than or equal to 16 properties")
                data__metadata_keys = set(data__metadata.keys())
                for data__metadata_key in data__metadata_keys:
                    if data__metadata_key not in []:
                        data__metadata_value = data__metadata.get(data__metadata_key)
                        if not isinstance(data__metadata_value, (str)):
                            raise JsonSchemaValueException("" + (name_prefix or "data") + ".metadata.{data__metadata_key}".format(**locals()) + " must be string")
                        if isinstance(data__metadata_value, str):
                            data__metadata_value_len = len(data__metadata_value)
                            if data__metadata_value_len > 512:
                                raise JsonSchemaValueException("" + (name_prefix or "data") + ".metadata.{data__metadata_key}".format(**locals()) + " must be shorter than or equal to 512 characters")
                if data__metadata_len != 0:
                    data__metadata_property_names = True
                    for data__metadata_key in data__metadata:
                        try:
                            if isinstance(data__metadata_key, str):
                                data__metadata_key_len = len(data__metadata_key)
                                if data__metadata_key_len < 1:
                                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".metadata must be longer than or equal to 1 characters")
                                if data__metadata_key_len > 64:
                                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".metadata must be shorter than or equal to 64 characters")
                        except (JsonSchemaValueException, JsonSchemaValuesException):
                            data__metadata_property_names = False
                    if not data__metadata_property_names:
                        raise JsonSchemaValueException("" + (name_prefix or "data") + ".metadata must be named by propertyName definition")
        if data_keys:
            raise JsonSchemaValueException("" + (name_prefix or "data") + " must not contain "+str(data_keys)+" properties")
    return data

def validate____defs_events_lease(data, custom_formats={}, name_prefix=None):
    if not isinstance(data, (dict)):
        raise JsonSchemaValueException("" + (name_prefix or "data") + " must be object")
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data_keys = set(data.keys())
        if "count" in data_keys:
            data_keys.remove("count")
            data__count = data["count"]
            if not isinstance(data__count, (int)) and not (isinstance(data__count, float) and data__count.is_integer()) or isinstance(data__count, bool):
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".count must be integer")
            if isinstance(data__count, (int, float, Decimal)) and not isinstance(data__count, bool):
                if data__count < 1:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".count must be bigger than or equal to 1")
                if data__count > 200:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".count must be smaller than or equal to 200")
        if "seconds" in data_keys:
            data_keys.remove("seconds")
            data__seconds = data["seconds"]
            if not isinstance(data__seconds, (int)) and not (isinstance(data__seconds, float) and data__seconds.is_integer()) or isinstance(data__seconds, bool):
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".seconds must be integer")
            if isinstance(data__seconds, (int, float, Decimal)) and not isinstance(data__seconds, bool):
                if data__seconds < 1:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".seconds must be bigger than or equal to 1")
                if data__seconds > 43200:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".seconds must be smaller than or equal to 43200")
        if "lease" in data_keys:
            data_keys.remove("lease")
            data__lease = data["lease"]
            if not isinstance(data__lease, (str)):
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".lease must be string")
            try:
                if isinstance(data__lease, str):
                    if not REGEX_PATTERNS['[^A-Za-z0-9_-]'].search(data__lease):
                        raise JsonSchemaValueException("" + (name_prefix or "data") + ".lease must match pattern [^A-Za-z0-9_-]")
            except (JsonSchemaValueException, JsonSchemaValuesException): pass
            else:
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".lease must NOT match a disallowed definition")
            if isinstance(data__lease, str):
                data__lease_len = len(data__lease)
                if data__lease_len < 16:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".lease must be longer than or equal to 16 characters")
                if data__lease_len > 64:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".lease must be shorter than or equal to 64 characters")
        if data_keys:
            raise JsonSchemaValueException("" + (name_prefix or "data") + " must not contain "+str(data_keys)+" properties")
    return data

def validate____defs_events_held(data, custom_formats={}, name_prefix=None):
    if not isinstance(data, (dict)):
        raise JsonSchemaValueException("" + (name_prefix or "data") + " must be object")
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data__missing_keys = set(['lease']) - data.keys()
        if data__missing_keys:
            raise JsonSchemaValueException("" + (name_prefix or "data") + " must contain ")
        data_keys = set(data.keys())
        if "lease" in data_keys:
            data_keys.remove("lease")
            data__lease = data["lease"]
            if not isinstance(data__lease, (str)):
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".lease must be string")
            try:
                if isinstance(data__lease, str):
                    if not REGEX_PATTERNS['[^A-Za-z0-9_-]'].search(data__lease):
                        raise JsonSchemaValueException("" + (name_prefix or "data") + ".lease must match pattern [^A-Za-z0-9_-]")
            except (JsonSchemaValueException, JsonSchemaValuesException): pass
            else:
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".lease must NOT match a disallowed definition")
            if isinstance(data__lease, str):
                data__lease_len = len(data__lease)
                if data__lease_len < 16:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".lease must be longer than or equal to 16 characters")
                if data__lease_len > 64:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".lease must be shorter than or equal to 64 characters")
        if "event_ids" in data_keys:
            data_keys.remove("event_ids")
            data__eventids = data["event_ids"]
            if not isinstance(data__eventids, (list, tuple)):
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".event_ids must be array")
            data__eventids_is_list = isinstance(data__eventids, (list, tuple))
            if data__eventids_is_list:
                data__eventids_len = len(data__eventids)
                if data__eventids_len < 1:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".event_ids must contain at least 1 items")
                if data__eventids_len > 200:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".event_ids must contain less than or equal to 200 items")
                for data__eventids_x, data__eventids_item in enumerate(data__eventids):
                    if not isinstance(data__eventids_item, (str)):
                        raise JsonSchemaValueException("" + (name_prefix or "data") + ".event_ids[{data__eventids_x}]".format(**locals()) + " must be string")
                    if isinstance(data__eventids_item, str):
                        data__eventids_item_len = len(data__eventids_item)
                        if data__eventids_item_len > 36:
                            raise JsonSchemaValueException("" + (name_prefix or "data") + ".event_ids[{data__eventids_x}]".format(**locals()) + " must be shorter than or equal to 36 characters")
                        if not REGEX_PATTERNS['^evt_[0-9a-f]{32}'].search(data__eventids_item):
                            raise JsonSchemaValueException("" + (name_prefix or "data") + ".event_ids[{data__eventids_x}]".format(**locals()) + " must match pattern ^evt_[0-9a-f]{32}")
        if data_keys:
            raise JsonSchemaValueException("" + (name_prefix or "data") + " must not contain "+str(data_keys)+" properties")
    return data

def validate____defs_events_extend(data, custom_formats={}, name_prefix=None):
    if not isinstance(data, (dict)):
        raise JsonSchemaValueException("" + (name_prefix or "data") + " must be object")
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data__missing_keys = set(['lease', 'seconds']) - data.keys()
        if data__missing_keys:
            raise JsonSchemaValueException("" + (name_prefix or "data") + " must contain ")
        data_keys = set(data.keys())
        if "lease" in data_keys:
            data_keys.remove("lease")
            data__lease = data["lease"]
            if not isinstance(data__lease, (str)):
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".lease must be string")
            try:
                if isinstance(data__lease, str):
                    if not REGEX_PATTERNS['[^A-Za-z0-9_-]'].search(data__lease):
                        raise JsonSchemaValueException("" + (name_prefix or "data") + ".lease must match pattern [^A-Za-z0-9_-]")
            except (JsonSchemaValueException, JsonSchemaValuesException): pass
            else:
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".lease must NOT match a disallowed definition")
            if isinstance(data__lease, str):
                data__lease_len = len(data__lease)
                if data__lease_len < 16:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".lease must be longer than or equal to 16 characters")
                if data__lease_len > 64:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".lease must be shorter than or equal to 64 characters")
        if "seconds" in data_keys:
            data_keys.remove("seconds")
            data__seconds = data["seconds"]
            if not isinstance(data__seconds, (int)) and not (isinstance(data__seconds, float) and data__seconds.is_integer()) or isinstance(data__seconds, bool):
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".seconds must be integer")
            if isinstance(data__seconds, (int, float, Decimal)) and not isinstance(data__seconds, bool):
                if data__seconds < 1:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".seconds must be bigger than or equal to 1")
                if data__seconds > 43200:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".seconds must be smaller than or equal to 43200")
        if data_keys:
            raise JsonSchemaValueException("" + (name_prefix or "data") + " must not contain "+str(data_keys)+" properties")
    return data

def validate____defs_event(data, custom_formats={}, name_prefix=None):
    if not isinstance(data, (dict)):
        raise JsonSchemaValueException("" + (name_prefix or "data") + " must be object")
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data__missing_keys = set(['event_type', 'payload', 'source']) - data.keys()
        if data__missing_keys:
            raise JsonSchemaValueException("" + (name_prefix or "data") + " must contain ")
        data_keys = set(data.keys())
        if "event_type" in data_keys:
            data_keys.remove("event_type")
            data__eventtype = data["event_type"]
            if not isinstance(data__eventtype, (str)):
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".event_type must be string")
            try:
                if isinstance(data__eventtype, str):
                    if not REGEX_PATTERNS['[^A-Za-z0-9._:/-]'].search(data__eventtype):
                        raise JsonSchemaValueException("" + (name_prefix or "data") + ".event_type must match pattern [^A-Za-z0-9._:/-]")
            except (JsonSchemaValueException, JsonSchemaValuesException): pass
            else:
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".event_type must NOT match a disallowed definition")
            if isinstance(data__eventtype, str):
                data__eventtype_len = len(data__eventtype)
                if data__eventtype_len < 1:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".event_type must be longer than or equal to 1 characters")
                if data__eventtype_len > 128:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".event_type must be shorter than or equal to 128 characters")
                if not REGEX_PATTERNS['^[A-Za-z0-9]'].search(data__eventtype):
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".event_type must match pattern ^[A-Za-z0-9]")
        if "payload" in data_keys:
            data_keys.remove("payload")
            data__payload = data["payload"]
        if "source" in data_keys:
            data_keys.remove("source")
            data__source = data["source"]
            if not isinstance(data__source, (str)):
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".source must be string")
            if isinstance(data__source, str):
                data__source_len = len(data__source)
                if data__source_len < 1:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".source must be longer than or equal to 1 characters")
                if data__source_len > 256:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".source must be shorter than or equal to 256 characters")
        if data_keys:
            raise JsonSchemaValueException("" + (name_prefix or "data") + " must not contain "+str(data_keys)+" properties")
    return data

def validate____defs_cloudevent(data, custom_formats={}, name_prefix=None):
    if not isinstance(data, (dict)):
        raise JsonSchemaValueException("" + (name_prefix or "data") + " must be object")
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data_len = len(data)
        if data_len > 40:
            raise JsonSchemaValueException("" + (name_prefix or "data") + " must contain less than or equal to 40 properties")
        data__missing_keys = set(['specversion', 'id', 'source', 'type']) - data.keys()
        if data__missing_keys:
            raise JsonSchemaValueException("" + (name_prefix or "data") + " must contain ")
        data_keys = set(data.keys())
        if "specversion" in data_keys:
            data_keys.remove("specversion")
            data__specversion = data["specversion"]
            if not isinstance(data__specversion, (str)):
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".specversion must be string")
            if not (isinstance(data__specversion, str) and data__specversion == '1.0'):
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".specversion must be one of ['1.0']")
        if "id" in data_keys:
            data_keys.remove("id")
            data__id = data["id"]
            if not isinstance(data__id, (str)):
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".id must be string")
            if isinstance(data__id, str):
                data__id_len = len(data__id)
                if data__id_len < 1:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".id must be longer than or equal to 1 characters")
                if data__id_len > 256:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".id must be shorter than or equal to 256 characters")
        if "source" in data_keys:
            data_keys.remove("source")
            data__source = data["source"]
            if not isinstance(data__source, (str)):
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".source must be string")
            if isinstance(data__source, str):
                data__source_len = len(data__source)
                if data__source_len < 1:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".source must be longer than or equal to 1 characters")
                if data__source_len > 256:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".source must be shorter than or equal to 256 characters")
        if "type" in data_keys:
            data_keys.remove("type")
            data__type = data["type"]
            if not isinstance(data__type, (str)):
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".type must be string")
            try:
                if isinstance(data__type, str):
                    if not REGEX_PATTERNS['[^A-Za-z0-9._:/-]'].search(data__type):
                        raise JsonSchemaValueException("" + (name_prefix or "data") + ".type must match pattern [^A-Za-z0-9._:/-]")
            except (JsonSchemaValueException, JsonSchemaValuesException): pass
            else:
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".type must NOT match a disallowed definition")
            if isinstance(data__type, str):
                data__type_len = len(data__type)
                if data__type_len < 1:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".type must be longer than or equal to 1 characters")
                if data__type_len > 128:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".type must be shorter than or equal to 128 characters")
                if not REGEX_PATTERNS['^[A-Za-z0-9]'].search(data__type):
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".type must match pattern ^[A-Za-z0-9]")
        if "time" in data_keys:
            data_keys.remove("time")
            data__time = data["time"]
            if not isinstance(data__time, (str)):
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".time must be string")
            try:
                if isinstance(data__time, str):
                    if not REGEX_PATTERNS['[^0-9TtZz:.+-]'].search(data__time):
                        raise JsonSchemaValueException("" + (name_prefix or "data") + ".time must match pattern [^0-9TtZz:.+-]")
            except (JsonSchemaValueException, JsonSchemaValuesException): pass
            else:
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".time must NOT match a disallowed definition")
            if isinstance(data__time, str):
                data__time_len = len(data__time)
                if data__time_len > 64:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".time must be shorter than or equal to 64 characters")
        if "subject" in data_keys:
            data_keys.remove("subject")
            data__subject = data["subject"]
            if not isinstance(data__subject, (str)):
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".subject must be string")
            if isinstance(data__subject, str):
                data__subject_len = len(data__subject)
                if data__subject_len < 1:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".subject must be longer than or equal to 1 characters")
                if data__subject_len > 1024:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".subject must be shorter than or equal to 1024 characters")
        if "datacontenttype" in data_keys:
            data_keys.remove("datacontenttype")
            data__datacontenttype = data["datacontenttype"]
            if not isinstance(data__datacontenttype, (str)):
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".datacontenttype must be string")
            if isinstance(data__datacontenttype, str):
                data__datacontenttype_len = len(data__datacontenttype)
                if data__datacontenttype_len < 1:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".datacontenttype must be longer than or equal to 1 characters")
                if data__datacontenttype_len > 256:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".datacontenttype must be shorter than or equal to 256 characters")
        if "dataschema" in data_keys:
            data_keys.remove("dataschema")
            data__dataschema = data["dataschema"]
            if not isinstance(data__dataschema, (str)):
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".dataschema must be string")
            if isinstance(data__dataschema, str):
                data__dataschema_len = len(data__dataschema)
                if data__dataschema_len < 1:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".dataschema must be longer than or equal to 1 characters")
                if data__dataschema_len > 2048:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".dataschema must be shorter than or equal to 2048 characters")
        if "data" in data_keys:
            data_keys.remove("data")
            data__data = data["data"]
        for data_key in data_keys:
            if data_key not in ['specversion', 'id', 'source', 'type', 'time', 'subject', 'datacontenttype', 'dataschema', 'data']:
                data_value = data.get(data_key)
                if not isinstance(data_value, (str, bool, int)) and not (isinstance(data_value, float) and data_value.is_integer()):
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".{data_key}".format(**locals()) + " must be string or boolean or integer")
                if isinstance(data_value, str):
                    data_value_len = len(data_value)
                    if data_value_len > 4096:
                        raise JsonSchemaValueException("" + (name_prefix or "data") + ".{data_key}".format(**locals()) + " must be shorter than or equal to 4096 characters")
                if isinstance(data_value, (int, float, Decimal)) and not isinstance(data_value, bool):
                    if data_value < -2147483648:
                        raise JsonSchemaValueException("" + (name_prefix or "data") + ".{data_key}".format(**locals()) + " must be bigger than or equal to -2147483648")
                    if data_value > 2147483647:
                        raise JsonSchemaValueException("" + (name_prefix or "data") + ".{data_key}".format(**locals()) + " must be smaller than or equal to 2147483647")
        if data_len != 0:
            data_property_names = True
            for data_key in data:
                try:
                    try:
                        if isinstance(data_key, str):
                            if not REGEX_PATTERNS['[^a-z0-9]'].search(data_key):
                                raise JsonSchemaValueException("" + (name_prefix or "data") + " must match pattern [^a-z0-9]")
                    except (JsonSchemaValueException, JsonSchemaValuesException): pass
                    else:
                        raise JsonSchemaValueException("" + (name_prefix or "data") + " must NOT match a disallowed definition")
                    if isinstance(data_key, str):
                        data_key_len = len(data_key)
                        if data_key_len < 1:
                            raise JsonSchemaValueException("" + (name_prefix or "data") + " must be longer than or equal to 1 characters")
                        if data_key_len > 20:
                            raise JsonSchemaValueException("" + (name_prefix or "data") + " must be shorter than or equal to 20 characters")
                except (JsonSchemaValueException, JsonSchemaValuesException):
                    data_property_names = False
            if not data_property_names:
                raise JsonSchemaValueException("" + (name_prefix or "data") + " must be named by propertyName definition")
    return data

def validate____defs_chat_completion_request(data, custom_formats={}, name_prefix=None):
    if not isinstance(data, (dict)):
        raise JsonSchemaValueException("" + (name_prefix or "data") + " must be object")
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data__missing_keys = set(['messages']) - data.keys()
        if data__missing_keys:
            raise JsonSchemaValueException("" + (name_prefix or "data") + " must contain ")
        data_keys = set(data.keys())
        if "messages" in data_keys:
            data_keys.remove("messages")
            data__messages = data["messages"]
            if not isinstance(data__messages, (list, tuple)):
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".messages must be array")
            data__messages_is_list = isinstance(data__messages, (list, tuple))
            if data__messages_is_list:
                data__messages_len = len(data__messages)
                if data__messages_len < 1:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".messages must contain at least 1 items")
                if data__messages_len > 2048:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".messages must contain less than or equal to 2048 items")
                for data__messages_x, data__messages_item in enumerate(data__messages):
                    if not isinstance(data__messages_item, (dict)):
                        raise JsonSchemaValueException("" + (name_prefix or "data") + ".messages[{data__messages_x}]".format(**locals()) + " must be object")
                    data__messages_item_is_dict = isinstance(data__messages_item, dict)
                    if data__messages_item_is_dict:
                        data__messages_item__missing_keys = set(['role']) - data__messages_item.keys()
                        if data__messages_item__missing_keys:
                            raise JsonSchemaValueException("" + (name_prefix or "data") + ".messages[{data__messages_x}]".format(**locals()) + " must contain ")
                        data__messages_item_keys = set(data__messages_item.keys())
                        if "role" in data__messages_item_keys:
                            data__messages_item_keys.remove("role")
                            data__messages_item__role = data__messages_item["role"]
                            if not isinstance(data__messages_item__role, (str)):
                                raise JsonSchemaValueException("" + (name_prefix or "data") + ".messages[{data__messages_x}].role".format(**locals()) + " must be string")
                            if not (isinstance(data__messages_item__role, str) and data__messages_item__role == 'developer' or isinstance(data__messages_item__role, str) and data__messages_item__role == 'system' or isinstance(data__messages_item__role, str) and data__messages_item__role == 'user' or isinstance(data__messages_item__role, str) and data__messages_item__role == 'assistant' or isinstance(data__messages_item__role, str) and data__messages_item__role == 'tool' or isinstance(data__messages_item__role, str) and data__messages_item__role == 'function'):
                                raise JsonSchemaValueException("" + (name_prefix or "data") + ".messages[{data__messages_x}].role".format(**locals()) + " must be one of ['developer', 'system', 'user', 'assistant', 'tool', 'function']")
                        if "content" in data__messages_item_keys:
                            data__messages_item_keys.remove("content")
                            data__messages_item__content = data__messages_item["content"]
                            if not isinstance(data__messages_item__content, (str, list, tuple, NoneType)):
                                raise JsonSchemaValueException("" + (name_prefix or "data") + ".messages[{data__messages_x}].content".format(**locals()) + " must be string or array or null")
                            data__messages_item__content_is_list = isinstance(data__messages_item__content, (list, tuple))
                            if data__messages_item__content_is_list:
                                data__messages_item__content_len = len(data__messages_item__content)
                                for data__messages_item__content_x, data__messages_item__content_item in enumerate(data__messages_item__content):
                                    if not isinstance(data__messages_item__content_item, (dict)):
                                        raise JsonSchemaValueException("" + (name_prefix or "data") + ".messages[{data__messages_x}].content[{data__messages_item__content_x}]".format(**locals()) + " must be object")
                                    data__messages_item__content_item_is_dict = isinstance(data__messages_item__content_item, dict)
                                    if data__messages_item__content_item_is_dict:
                                        data__messages_item__content_item__missing_keys = set(['type']) - data__messages_item__content_item.keys()
                                        if data__messages_item__content_item__missing_keys:
                                            raise JsonSchemaValueException("" + (name_prefix or "data") + ".messages[{data__messages_x}].content[{data__messages_item__content_x}]".format(**locals()) + " must contain ")
                                        data__messages_item__content_item_keys = set(data__messages_item__content_item.keys())
                                        if "type" in data__messages_item__content_item_keys:
                                            data__messages_item__content_item_keys.remove("type")
                                            data__messages_item__content_item__type = data__messages_item__content_item["type"]
                                            if not isinstance(data__messages_item__content_item__type, (str)):
                                                raise JsonSchemaValueException("" + (name_prefix or "data") + ".messages[{data__messages_x}].content[{data__messages_item__content_x}].type".format(**locals()) + " must be string")
                        if "tool_calls" in data__messages_item_keys:
                            data__messages_item_keys.remove("tool_calls")
                            data__messages_item__toolcalls = data__messages_item["tool_calls"]
                            if not isinstance(data__messages_item__toolcalls, (list, tuple, NoneType)):
                                raise JsonSchemaValueException("" + (name_prefix or "data") + ".messages[{data__messages_x}].tool_calls".format(**locals()) + " must be array or null")
                            data__messages_item__toolcalls_is_list = isinstance(data__messages_item__toolcalls, (list, tuple))
                            if data__messages_item__toolcalls_is_list:
                                data__messages_item__toolcalls_len = len(data__messages_item__toolcalls)
                                for data__messages_item__toolcalls_x, data__messages_item__toolcalls_item in enumerate(data__messages_item__toolcalls):
                                    if not isinstance(data__messages_item__toolcalls_item, (dict)):
                                        raise JsonSchemaValueException("" + (name_prefix or "data") + ".messages[{data__messages_x}].tool_calls[{data__messages_item__toolcalls_x}]".format(**locals()) + " must be object")
                        if "tool_call_id" in data__messages_item_keys:
                            data__messages_item_keys.remove("tool_call_id")
                            data__messages_item__toolcallid = data__messages_item["tool_call_id"]
                            if not isinstance(data__messages_item__toolcallid, (str, NoneType)):
                                raise JsonSchemaValueException("" + (name_prefix or "data") + ".messages[{data__messages_x}].tool_call_id".format(**locals()) + " must be string or null")
                        if "name" in data__messages_item_keys:
                            data__messages_item_keys.remove("name")
                            data__messages_item__name = data__messages_item["name"]
                            if not isinstance(data__messages_item__name, (str, NoneType)):
                                raise JsonSchemaValueException("" + (name_prefix or "data") + ".messages[{data__messages_x}].name".format(**locals()) + " must be string or null")
        if "model" in data_keys:
            data_keys.remove("model")
            data__model = data["model"]
            if not isinstance(data__model, (str, NoneType)):
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".model must be string or null")
            try:
                if not isinstance(data__model, (str)):
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".model must be string")
                if isinstance(data__model, str):
                    if not REGEX_PATTERNS['[^A-Za-z0-9._:/@-]'].search(data__model):
                        raise JsonSchemaValueException("" + (name_prefix or "data") + ".model must match pattern [^A-Za-z0-9._:/@-]")
            except (JsonSchemaValueException, JsonSchemaValuesException): pass
            else:
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".model must NOT match a disallowed definition")
            if isinstance(data__model, str):
                data__model_len = len(data__model)
                if data__model_len < 1:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".model must be longer than or equal to 1 characters")
                if data__model_len > 128:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".model must be shorter than or equal to 128 characters")
                if not REGEX_PATTERNS['^[A-Za-z0-9]'].search(data__model):
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".model must match pattern ^[A-Za-z0-9]")
        if "max_completion_tokens" in data_keys:
            data_keys.remove("max_completion_tokens")
            data__maxcompletiontokens = data["max_completion_tokens"]
            if not isinstance(data__maxcompletiontokens, (int, NoneType)) and not (isinstance(data__maxcompletiontokens, float) and data__maxcompletiontokens.is_integer()) or isinstance(data__maxcompletiontokens, bool):
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".max_completion_tokens must be integer or null")
            if isinstance(data__maxcompletiontokens, (int, float, Decimal)) and not isinstance(data__maxcompletiontokens, bool):
                if data__maxcompletiontokens < 1:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".max_completion_tokens must be bigger than or equal to 1")
                if data__maxcompletiontokens > 2147483647:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".max_completion_tokens must be smaller than or equal to 2147483647")
        if "max_tokens" in data_keys:
            data_keys.remove("max_tokens")
            data__maxtokens = data["max_tokens"]
            if not isinstance(data__maxtokens, (int, NoneType)) and not (isinstance(data__maxtokens, float) and data__maxtokens.is_integer()) or isinstance(data__maxtokens, bool):
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".max_tokens must be integer or null")
            if isinstance(data__maxtokens, (int, float, Decimal)) and not isinstance(data__maxtokens, bool):
                if data__maxtokens < 1:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".max_tokens must be bigger than or equal to 1")
                if data__maxtokens > 2147483647:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".max_tokens must be smaller than or equal to 2147483647")
        if "temperature" in data_keys:
            data_keys.remove("temperature")
            data__temperature = data["temperature"]
            if not isinstance(data__temperature, (int, float, Decimal, NoneType)) or isinstance(data__temperature, bool):
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".temperature must be number or null")
            if isinstance(data__temperature, (int, float, Decimal)) and not isinstance(data__temperature, bool):
                if data__temperature < 0:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".temperature must be bigger than or equal to 0")
                if data__temperature > 2:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".temperature must be smaller than or equal to 2")
        if "top_p" in data_keys:
            data_keys.remove("top_p")
            data__topp = data["top_p"]
            if not isinstance(data__topp, (int, float, Decimal, NoneType)) or isinstance(data__topp, bool):
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".top_p must be number or null")
            if isinstance(data__topp, (int, float, Decimal)) and not isinstance(data__topp, bool):
                if data__topp < 0:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".top_p must be bigger than or equal to 0")
                if data__topp > 1:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".top_p must be smaller than or equal to 1")
        if "stop" in data_keys:
            data_keys.remove("stop")
            data__stop = data["stop"]
            if not isinstance(data__stop, (str, list, tuple, NoneType)):
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".stop must be string or array or null")
            if isinstance(data__stop, str):
                data__stop_len = len(data__stop)
                if data__stop_len > 256:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".stop must be shorter than or equal to 256 characters")
            data__stop_is_list = isinstance(data__stop, (list, tuple))
            if data__stop_is_list:
                data__stop_len = len(data__stop)
                if data__stop_len > 16:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".stop must contain less than or equal to 16 items")
                for data__stop_x, data__stop_item in enumerate(data__stop):
                    if not isinstance(data__stop_item, (str)):
                        raise JsonSchemaValueException("" + (name_prefix or "data") + ".stop[{data__stop_x}]".format(**locals()) + " must be string")
                    if isinstance(data__stop_item, str):
                        data__stop_item_len = len(data__stop_item)
                        if data__stop_item_len < 1:
                            raise JsonSchemaValueException("" + (name_prefix or "data") + ".stop[{data__stop_x}]".format(**locals()) + " must be longer than or equal to 1 characters")
                        if data__stop_item_len > 256:
                            raise JsonSchemaValueException("" + (name_prefix or "data") + ".stop[{data__stop_x}]".format(**locals()) + " must be shorter than or equal to 256 characters")
        if "seed" in data_keys:
            data_keys.remove("seed")
            data__seed = data["seed"]
            if not isinstance(data__seed, (int, NoneType)) and not (isinstance(data__seed, float) and data__seed.is_integer()) or isinstance(data__seed, bool):
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".seed must be integer or null")
            if isinstance(data__seed, (int, float, Decimal)) and not isinstance(data__seed, bool):
                if data__seed < -9007199254740991:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".seed must be bigger than or equal to -9007199254740991")
                if data__seed > 9007199254740991:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".seed must be smaller than or equal to 9007199254740991")
        if "n" in data_keys:
            data_keys.remove("n")
            data__n = data["n"]
            if not isinstance(data__n, (int, NoneType)) and not (isinstance(data__n, float) and data__n.is_integer()) or isinstance(data__n, bool):
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".n must be integer or null")
            if isinstance(data__n, (int, float, Decimal)) and not isinstance(data__n, bool):
                if data__n < 1:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".n must be bigger than or equal to 1")
                if data__n > 1:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".n must be smaller than or equal to 1")
        if "stream" in data_keys:
            data_keys.remove("stream")
            data__stream = data["stream"]
            if not isinstance(data__stream, (bool, NoneType)):
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".stream must be boolean or null")
        if "stream_options" in data_keys:
            data_keys.remove("stream_options")
            data__streamoptions = data["stream_options"]
            if not isinstance(data__streamoptions, (dict, NoneType)):
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".stream_options must be object or null")
            data__streamoptions_is_dict = isinstance(data__streamoptions, dict)
            if data__streamoptions_is_dict:
                data__streamoptions_keys = set(data__streamoptions.keys())
                if "include_usage" in data__streamoptions_keys:
                    data__streamoptions_keys.remove("include_usage")
                    data__streamoptions__includeusage = data__streamoptions["include_usage"]
                    if not isinstance(data__streamoptions__includeusage, (bool, NoneType)):
                        raise JsonSchemaValueException("" + (name_prefix or "data") + ".stream_options.include_usage must be boolean or null")
        if "metadata" in data_keys:
            data_keys.remove("metadata")
            data__metadata = data["metadata"]
            if not isinstance(data__metadata, (dict, NoneType)):
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".metadata must be object or null")
            data__metadata_is_dict = isinstance(data__metadata, dict)
            if data__metadata_is_dict:
                data__metadata_len = len(data__metadata)
                if data__metadata_len > 16:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".metadata must contain less than or equal to 16 properties")
                data__metadata_keys = set(data__metadata.keys())
                for data__metadata_key in data__metadata_keys:
                    if data__metadata_key not in []:
                        data__metadata_value = data__metadata.get(data__metadata_key)
                        if not isinstance(data__metadata_value, (str)):
                            raise JsonSchemaValueException("" + (name_prefix or "data") + ".metadata.{data__metadata_key}".format(**locals()) + " must be string")
                        if isinstance(data__metadata_value, str):
                            data__metadata_value_len = len(data__metadata_value)
                            if data__metadata_value_len > 512:
                                raise JsonSchemaValueException("" + (name_prefix or "data") + ".metadata.{data__metadata_key}".format(**locals()) + " must be shorter than or equal to 512 characters")
                if data__metadata_len != 0:
                    data__metadata_property_names = True
                    for data__metadata_key in data__metadata:
                        try:
                            if isinstance(data__metadata_key, str):
                                data__metadata_key_len = len(data__metadata_key)
                                if data__metadata_key_len < 1:
                                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".metadata must be longer than or equal to 1 characters")
                                if data__metadata_key_len > 64:
                                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".metadata must be shorter than or equal to 64 characters")
                        except (JsonSchemaValueException, JsonSchemaValuesException):
                            data__metadata_property_names = False
                    if not data__metadata_property_names:
                        raise JsonSchemaValueException("" + (name_prefix or "data") + ".metadata must be named by propertyName definition")
        if "tools" in data_keys:
            data_keys.remove("tools")
            data__tools = data["tools"]
            if not isinstance(data__tools, (list, tuple, NoneType)):
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".tools must be array or null")
            data__tools_is_list = isinstance(data__tools, (list, tuple))
            if data__tools_is_list:
                data__tools_len = len(data__tools)
                if data__tools_len > 256:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".tools must contain less than or equal to 256 items")
                for data__tools_x, data__tools_item in enumerate(data__tools):
                    if not isinstance(data__tools_item, (dict)):
                        raise JsonSchemaValueException("" + (name_prefix or "data") + ".tools[{data__tools_x}]".format(**locals()) + " must be object")
        if "tool_choice" in data_keys:
            data_keys.remove("tool_choice")
            data__toolchoice = data["tool_choice"]
            if not isinstance(data__toolchoice, (str, dict, NoneType)):
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".tool_choice must be string or object or null")
        if "parallel_tool_calls" in data_keys:
            data_keys.remove("parallel_tool_calls")
            data__paralleltoolcalls = data["parallel_tool_calls"]
            if not isinstance(data__paralleltoolcalls, (bool, NoneType)):
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".parallel_tool_calls must be boolean or null")
        if "response_format" in data_keys:
            data_keys.remove("response_format")
            data__responseformat = data["response_format"]
            if not isinstance(data__responseformat, (dict, NoneType)):
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".response_format must be object or null")
        if "logprobs" in data_keys:
            data_keys.remove("logprobs")
            data__logprobs = data["logprobs"]
            if not isinstance(data__logprobs, (bool, NoneType)):
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".logprobs must be boolean or null")
        if "top_logprobs" in data_keys:
            data_keys.remove("top_logprobs")
            data__toplogprobs = data["top_logprobs"]
            if not isinstance(data__toplogprobs, (int, NoneType)) and not (isinstance(data__toplogprobs, float) and data__toplogprobs.is_integer()) or isinstance(data__toplogprobs, bool):
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".top_logprobs must be integer or null")
            if isinstance(data__toplogprobs, (int, float, Decimal)) and not isinstance(data__toplogprobs, bool):
                if data__toplogprobs < 0:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".top_logprobs must be bigger than or equal to 0")
                if data__toplogprobs > 20:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".top_logprobs must be smaller than or equal to 20")
        if "frequency_penalty" in data_keys:
            data_keys.remove("frequency_penalty")
            data__frequencypenalty = data["frequency_penalty"]
            if not isinstance(data__frequencypenalty, (int, float, Decimal, NoneType)) or isinstance(data__frequencypenalty, bool):
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".frequency_penalty must be number or null")
            if isinstance(data__frequencypenalty, (int, float, Decimal)) and not isinstance(data__frequencypenalty, bool):
                if data__frequencypenalty < -2:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".frequency_penalty must be bigger than or equal to -2")
                if data__frequencypenalty > 2:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".frequency_penalty must be smaller than or equal to 2")
        if "presence_penalty" in data_keys:
            data_keys.remove("presence_penalty")
            data__presencepenalty = data["presence_penalty"]
            if not isinstance(data__presencepenalty, (int, float, Decimal, NoneType)) or isinstance(data__presencepenalty, bool):
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".presence_penalty must be number or null")
            if isinstance(data__presencepenalty, (int, float, Decimal)) and not isinstance(data__presencepenalty, bool):
                if data__presencepenalty < -2:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".presence_penalty must be bigger than or equal to -2")
                if data__presencepenalty > 2:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".presence_penalty must be smaller than or equal to 2")
        if "logit_bias" in data_keys:
            data_keys.remove("logit_bias")
            data__logitbias = data["logit_bias"]
            if not isinstance(data__logitbias, (dict, NoneType)):
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".logit_bias must be object or null")
        if "reasoning_effort" in data_keys:
            data_keys.remove("reasoning_effort")
            data__reasoningeffort = data["reasoning_effort"]
            if not isinstance(data__reasoningeffort, (str, NoneType)):
                raise JsonSchemaValueException("" + (name_prefix or "data") + ".reasoning_effort must be string or null")
            if isinstance(data__reasoningeffort, str):
                data__reasoningeffort_len = len(data__reasoningeffort)
                if data__reasoningeffort_len > 64:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + ".reasoning_effort must be shorter than or equal to 64 characters")
    return data

VALIDATORS: dict[str, Callable[[object], object]] = {
    "chat_completion_request": validate____defs_chat_completion_request,
    "cloudevent": validate____defs_cloudevent,
    "event": validate____defs_event,
    "events_extend": validate____defs_events_extend,
    "events_held": validate____defs_events_held,
    "events_lease": validate____defs_events_lease,
    "infer": validate____defs_infer,
    "redrive": validate____defs_redrive,
    "register": validate____defs_register,
    "response_request": validate____defs_response_request,
    "retry": validate____defs_retry,
    "worker_append": validate____defs_worker_append,
    "worker_extend": validate____defs_worker_extend,
    "worker_finish": validate____defs_worker_finish,
    "worker_lease": validate____defs_worker_lease,
    "worker_release": validate____defs_worker_release,
}
