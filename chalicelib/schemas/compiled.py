"""The request schemas as Python, by `python -m tinyllama.compile_schemas`: do not edit."""

from collections.abc import Callable

from chalicelib.schemas import Refused

VERSION = "2.22.3"
from decimal import Decimal
import re

JsonSchemaValueException = JsonSchemaValuesException = Refused


REGEX_PATTERNS = {
    '[^A-Za-z0-9._:/@-]': re.compile('[^A-Za-z0-9._:/@-]'),
    '^[A-Za-z0-9]': re.compile('^[A-Za-z0-9]'),
    '[^A-Za-z0-9._:/-]': re.compile('[^A-Za-z0-9._:/-]')
}

NoneType = type(None)

def validate(data, custom_formats={}, name_prefix=None):
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data_keys = set(data.keys())
        if "event" in data_keys:
            data_keys.remove("event")
            data__event = data["event"]
            validate____defs_event(data__event, custom_formats, (name_prefix or "data") + ".event")
        if "infer" in data_keys:
            data_keys.remove("infer")
            data__infer = data["infer"]
            validate____defs_infer(data__infer, custom_formats, (name_prefix or "data") + ".infer")
    return data

def validate____defs_infer(data, custom_formats={}, name_prefix=None):
    if not isinstance(data, (dict)):
        raise JsonSchemaValueException("" + (name_prefix or "data") + " must be object")
    data_one_of_count1 = 0
    if data_one_of_count1 < 2:
        try:
            data_is_dict = isinstance(data, dict)
            if data_is_dict:
                data__missing_keys = set(['prompt']) - data.keys()
                if data__missing_keys:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + " must contain ")
            data_one_of_count1 += 1
        except (JsonSchemaValueException, JsonSchemaValuesException): pass
    if data_one_of_count1 < 2:
        try:
            data_is_dict = isinstance(data, dict)
            if data_is_dict:
                data__missing_keys = set(['messages']) - data.keys()
                if data__missing_keys:
                    raise JsonSchemaValueException("" + (name_prefix or "data") + " must contain ")
            data_one_of_count1 += 1
        except (JsonSchemaValueException, JsonSchemaValuesException): pass
    if data_one_of_count1 != 1:
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

VALIDATORS: dict[str, Callable[[object], object]] = {
    "event": validate____defs_event,
    "infer": validate____defs_infer,
}
